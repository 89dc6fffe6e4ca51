/* The loops of APR's side of `versus_apr`, written from its public headers.
 *
 * Each loop does one operation `count` times and is timed whole, from Rust. It returns what it saw,
 * added up, so that no work can be left out; 0 after a failed call, which is never the right answer, and
 * only a right answer is timed. Fixtures are made inside the loops: some microseconds of at least two
 * milliseconds.
 *
 * APR is used as httpd uses it: the pool of a connection has an allocator of its own, without a lock,
 * which keeps up to 2 MiB; a brigade is used again wherever the operation does not ask for a new one.
 */

#include <stdint.h>
#include <string.h>

#include <apr_allocator.h>
#include <apr_buckets.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_pools.h>
#include <apr_portable.h>
#include <apu_version.h>

#define MAX_FREE (2 * 1024 * 1024) /* httpd's ap_max_mem_free, in bytes */
#define LINE 64                    /* bytes in a line of the processor's cache */

struct versus {
    apr_pool_t *pool;
    apr_pool_t *scratch; /* what a single operation may take from a pool */
    apr_bucket_alloc_t *list;
    apr_bucket_brigade *work;
    apr_bucket_brigade *out;
    apr_file_t *file;
    apr_size_t file_len;
    const char *bytes; /* 8 KiB: lines of 80 bytes */
};

/* Hides from the compiler what `p` points to, and that nothing reads it. */
static inline const void *opaque(const void *p)
{
    __asm__ volatile("" : "+r"(p) : : "memory");
    return p;
}

static uint64_t transient(struct versus *v, uint32_t count)
{
    uint64_t seen = 0;
    while (count-- > 0) {
        apr_bucket *e = apr_bucket_transient_create(opaque(v->bytes), 32, v->list);
        APR_BRIGADE_INSERT_TAIL(v->work, e);
        e = APR_BRIGADE_FIRST(v->work);
        seen += e->length;
        apr_bucket_delete(e);
    }
    return seen;
}

static uint64_t transient_8(struct versus *v, uint32_t count)
{
    uint64_t seen = 0;
    while (count-- > 0) {
        for (int i = 0; i < 8; i++) {
            apr_bucket *e = apr_bucket_transient_create(opaque(v->bytes), 32, v->list);
            APR_BRIGADE_INSERT_TAIL(v->work, e);
        }
        seen += APR_BRIGADE_LAST(v->work)->length;
        apr_brigade_cleanup(v->work);
    }
    return seen;
}

static uint64_t heap_copy(struct versus *v, uint32_t count, apr_size_t len)
{
    uint64_t seen = 0;
    while (count-- > 0) {
        apr_bucket *e = apr_bucket_heap_create(opaque(v->bytes), len, NULL, v->list);
        seen += e->length;
        apr_bucket_destroy(e);
    }
    return seen;
}

static uint64_t heap_copy_32(struct versus *v, uint32_t count)
{
    return heap_copy(v, count, 32);
}

static uint64_t heap_copy_8192(struct versus *v, uint32_t count)
{
    return heap_copy(v, count, 8192);
}

/* 250 writes of 32 bytes fill APR's buffer, 8,000 bytes; its gathering would end there. */
static uint64_t gather_32(struct versus *v, uint32_t count)
{
    uint64_t seen = 0;
    while (count-- > 0) {
        for (int i = 0; i < 250; i++)
            if (apr_brigade_write(v->work, NULL, NULL, opaque(v->bytes), 32) != APR_SUCCESS)
                return 0;
        seen += APR_BRIGADE_FIRST(v->work)->length;
        apr_brigade_cleanup(v->work);
    }
    return seen;
}

static uint64_t split(struct versus *v, uint32_t count)
{
    uint64_t seen = 0;
    while (count-- > 0) {
        apr_bucket *e = apr_bucket_heap_create(opaque(v->bytes), 32, NULL, v->list);
        apr_bucket *rest;
        if (apr_bucket_split(e, 20) != APR_SUCCESS)
            return 0;
        rest = APR_BUCKET_NEXT(e);
        seen += rest->length;
        apr_bucket_delete(rest);
        apr_bucket_destroy(e);
    }
    return seen;
}

/* 64 pieces of 128 bytes, each in memory of its own. */
static void fill_apart(struct versus *v)
{
    for (int i = 0; i < 64; i++) {
        apr_bucket *e = apr_bucket_heap_create(v->bytes, 128, NULL, v->list);
        APR_BRIGADE_INSERT_TAIL(v->work, e);
    }
}

static uint64_t io_slices_64(struct versus *v, uint32_t count)
{
    uint64_t seen = 0;
    struct iovec slices[64];
    fill_apart(v);
    while (count-- > 0) {
        int used = 64;
        if (apr_brigade_to_iovec(v->work, slices, &used) != APR_SUCCESS)
            return 0;
        opaque(slices);
        seen += (uint64_t)used;
    }
    apr_brigade_cleanup(v->work);
    return seen;
}

static uint64_t flatten(struct versus *v, uint32_t count)
{
    uint64_t seen = 0;
    char to[8192];
    while (count-- > 0) {
        apr_size_t len = sizeof to;
        if (apr_brigade_flatten(v->work, to, &len) != APR_SUCCESS)
            return 0;
        opaque(to);
        seen += len;
    }
    apr_brigade_cleanup(v->work);
    return seen;
}

static uint64_t flatten_64x128(struct versus *v, uint32_t count)
{
    fill_apart(v);
    return flatten(v, count);
}

static uint64_t flatten_neighbours(struct versus *v, uint32_t count)
{
    apr_bucket *e = apr_bucket_heap_create(v->bytes, 8192, NULL, v->list);
    APR_BRIGADE_INSERT_TAIL(v->work, e);
    for (int i = 0; i < 63; i++) {
        if (apr_bucket_split(e, 128) != APR_SUCCESS)
            return 0;
        e = APR_BUCKET_NEXT(e);
    }
    return flatten(v, count);
}

/* The brigade of the rest is new each time. Its memory comes back when its pool is cleared: every
 * 1,000 rounds here, so that it is neither a leak nor a cost of every round. */
static uint64_t partition_4000(struct versus *v, uint32_t count)
{
    uint64_t seen = 0;
    fill_apart(v);
    for (uint32_t i = 1; i <= count; i++) {
        apr_bucket *after;
        apr_bucket_brigade *rest;
        if (apr_brigade_partition(v->work, 4000, &after) != APR_SUCCESS)
            return 0;
        rest = apr_brigade_split_ex(v->work, after, apr_brigade_create(v->scratch, v->list));
        seen += APR_BRIGADE_FIRST(rest)->length;
        APR_BRIGADE_CONCAT(v->work, rest);
        if (i % 1000 == 0)
            apr_pool_clear(v->scratch);
    }
    apr_pool_clear(v->scratch);
    apr_brigade_cleanup(v->work);
    return seen;
}

/* 100 lines of 80 bytes, taken one by one out of one bucket. */
static uint64_t split_line_80(struct versus *v, uint32_t count)
{
    uint64_t seen = 0;
    while (count-- > 0) {
        apr_bucket *e = apr_bucket_transient_create(opaque(v->bytes), 8000, v->list);
        APR_BRIGADE_INSERT_TAIL(v->work, e);
        while (!APR_BRIGADE_EMPTY(v->work)) {
            if (apr_brigade_split_line(v->out, v->work, APR_BLOCK_READ, 8192) != APR_SUCCESS)
                return 0;
            /* 1.6 leaves an empty bucket behind the last line, which the next call would take. */
            e = APR_BRIGADE_FIRST(v->work);
            if (e != APR_BRIGADE_SENTINEL(v->work) && e->length == 0)
                apr_bucket_delete(e);
            seen += APR_BRIGADE_FIRST(v->out)->length == 80;
            apr_brigade_cleanup(v->out);
        }
    }
    return seen;
}

static uint64_t set_aside_16x100(struct versus *v, uint32_t count)
{
    uint64_t seen = 0;
    while (count-- > 0) {
        apr_bucket *e;
        for (int i = 0; i < 16; i++) {
            e = apr_bucket_transient_create(opaque(v->bytes + 100 * i), 100, v->list);
            APR_BRIGADE_INSERT_TAIL(v->work, e);
        }
        for (e = APR_BRIGADE_FIRST(v->work); e != APR_BRIGADE_SENTINEL(v->work);
             e = APR_BUCKET_NEXT(e)) {
            if (apr_bucket_setaside(e, v->pool) != APR_SUCCESS)
                return 0;
            seen += e->length;
        }
        APR_BRIGADE_CONCAT(v->out, v->work);
        apr_brigade_cleanup(v->out);
    }
    return seen;
}

/* Adds a byte of each cache line; `at` is where the next line begins, and then by how much it lies
 * beyond these bytes. */
static uint64_t look(const char *bytes, apr_size_t len, apr_size_t *at)
{
    uint64_t seen = 0;
    apr_size_t i;
    for (i = *at; i < len; i += LINE)
        seen += (unsigned char)bytes[i];
    *at = i - len;
    return seen;
}

static uint64_t file_to_end(struct versus *v, uint32_t count, int map)
{
    uint64_t seen = 0;
    while (count-- > 0) {
        apr_size_t at = 0;
        apr_bucket *e = apr_bucket_file_create(v->file, 0, v->file_len, v->scratch, v->list);
        if (apr_bucket_file_enable_mmap(e, map) != APR_SUCCESS)
            return 0;
        APR_BRIGADE_INSERT_TAIL(v->work, e);
        while (!APR_BRIGADE_EMPTY(v->work)) {
            const char *bytes;
            apr_size_t len;
            e = APR_BRIGADE_FIRST(v->work);
            if (apr_bucket_read(e, &bytes, &len, APR_BLOCK_READ) != APR_SUCCESS)
                return 0;
            if (!APR_BUCKET_IS_MMAP(e) != !map)
                return 0; /* the row would not show what it says */
            seen += look(bytes, len, &at);
            apr_bucket_delete(e);
        }
        apr_pool_clear(v->scratch);
    }
    return seen;
}

static uint64_t file_mmap(struct versus *v, uint32_t count)
{
    return file_to_end(v, count, 1);
}

static uint64_t file_read(struct versus *v, uint32_t count)
{
    return file_to_end(v, count, 0);
}

#define LOOP(name) { #name, name }

static const struct {
    const char *name;
    uint64_t (*run)(struct versus *, uint32_t);
} LOOPS[] = {
    LOOP(transient),      LOOP(transient_8),      LOOP(heap_copy_32),     LOOP(heap_copy_8192),
    LOOP(gather_32),      LOOP(split),            LOOP(io_slices_64),     LOOP(flatten_64x128),
    LOOP(flatten_neighbours), LOOP(partition_4000), LOOP(split_line_80), LOOP(set_aside_16x100),
    LOOP(file_mmap),      LOOP(file_read),
};

/* Does the operation `name` `count` times; an unknown one answers 0. */
uint64_t versus_run(struct versus *v, const char *name, uint32_t count)
{
    for (apr_size_t i = 0; i < sizeof LOOPS / sizeof *LOOPS; i++)
        if (strcmp(LOOPS[i].name, name) == 0)
            return LOOPS[i].run(v, count);
    return 0;
}

const char *versus_version(void)
{
    return apu_version_string();
}

/* Makes the state of all loops, over 8 KiB of `bytes` and an open file of `file_len` bytes, both of
 * which the caller keeps for as long; NULL when APR fails. */
struct versus *versus_new(const char *bytes, int fd, apr_size_t file_len)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;
    struct versus *v;
    apr_os_file_t os_file = fd;

    if (apr_initialize() != APR_SUCCESS)
        return NULL;
    if (apr_allocator_create(&allocator) != APR_SUCCESS)
        return NULL;
    apr_allocator_max_free_set(allocator, MAX_FREE);
    if (apr_pool_create_ex(&pool, NULL, NULL, allocator) != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return NULL;
    }
    apr_allocator_owner_set(allocator, pool);

    v = apr_pcalloc(pool, sizeof *v);
    v->pool = pool;
    v->list = apr_bucket_alloc_create(pool);
    v->work = apr_brigade_create(pool, v->list);
    v->out = apr_brigade_create(pool, v->list);
    v->file_len = file_len;
    v->bytes = bytes;
    if (apr_pool_create(&v->scratch, pool) != APR_SUCCESS
        || apr_os_file_put(&v->file, &os_file, APR_FOPEN_READ, pool) != APR_SUCCESS) {
        apr_pool_destroy(pool);
        return NULL;
    }
    return v;
}

/* Frees all that `versus_new` made; the descriptor stays open. */
void versus_free(struct versus *v)
{
    apr_pool_destroy(v->pool);
    apr_terminate();
}
