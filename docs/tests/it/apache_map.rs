//! `apache-map.md`: every name of the header is in it, and what it maps to exists and can be found
//! by the C name.

use std::collections::BTreeSet;

use crate::{code, rows, sources};

/// What `apr_buckets.h` names: types, constants, macros, functions.
const HEADER: &str = "
apr_bucket apr_bucket_brigade apr_bucket_alloc_t apr_bucket_type_t apr_read_type_e
apr_brigade_flush apr_bucket_refcount apr_bucket_heap apr_bucket_pool apr_bucket_mmap
apr_bucket_file apr_bucket_structs

APR_BUCKET_BUFF_SIZE APR_BLOCK_READ APR_NONBLOCK_READ APR_BUCKET_DATA APR_BUCKET_METADATA
APR_BUCKET_ALLOC_SIZE APR_BUCKETS_STRING APR_BUCKET_DEBUG

APR_BRIGADE_CHECK_CONSISTENCY APR_BUCKET_CHECK_CONSISTENCY APR_BRIGADE_SENTINEL APR_BRIGADE_EMPTY
APR_BRIGADE_FIRST APR_BRIGADE_LAST APR_BRIGADE_INSERT_HEAD APR_BRIGADE_INSERT_TAIL
APR_BRIGADE_CONCAT APR_BRIGADE_PREPEND APR_BUCKET_INSERT_BEFORE APR_BUCKET_INSERT_AFTER
APR_BUCKET_NEXT APR_BUCKET_PREV APR_BUCKET_REMOVE APR_BUCKET_INIT APR_BUCKET_IS_METADATA
APR_BUCKET_IS_FLUSH APR_BUCKET_IS_EOS APR_BUCKET_IS_FILE APR_BUCKET_IS_PIPE APR_BUCKET_IS_SOCKET
APR_BUCKET_IS_HEAP APR_BUCKET_IS_TRANSIENT APR_BUCKET_IS_IMMORTAL APR_BUCKET_IS_MMAP
APR_BUCKET_IS_POOL

apr_brigade_create apr_brigade_destroy apr_brigade_cleanup apr_brigade_split_ex apr_brigade_split
apr_brigade_partition apr_brigade_length apr_brigade_flatten apr_brigade_pflatten
apr_brigade_split_line apr_brigade_split_boundary apr_brigade_to_iovec apr_brigade_vputstrs
apr_brigade_write apr_brigade_writev apr_brigade_puts apr_brigade_putc apr_brigade_putstrs
apr_brigade_printf apr_brigade_vprintf apr_brigade_insert_file

apr_bucket_alloc_create apr_bucket_alloc_create_ex apr_bucket_alloc_destroy
apr_bucket_alloc_aligned_floor apr_bucket_alloc apr_bucket_free

apr_bucket_destroy apr_bucket_delete apr_bucket_read apr_bucket_setaside apr_bucket_split
apr_bucket_copy apr_bucket_setaside_noop apr_bucket_setaside_notimpl apr_bucket_split_notimpl
apr_bucket_copy_notimpl apr_bucket_destroy_noop apr_bucket_simple_split apr_bucket_simple_copy
apr_bucket_shared_make apr_bucket_shared_destroy apr_bucket_shared_split apr_bucket_shared_copy

apr_bucket_type_flush apr_bucket_type_eos apr_bucket_type_file apr_bucket_type_heap
apr_bucket_type_mmap apr_bucket_type_pool apr_bucket_type_pipe apr_bucket_type_immortal
apr_bucket_type_transient apr_bucket_type_socket

apr_bucket_eos_create apr_bucket_eos_make apr_bucket_flush_create apr_bucket_flush_make
apr_bucket_immortal_create apr_bucket_immortal_make apr_bucket_transient_create
apr_bucket_transient_make apr_bucket_heap_create apr_bucket_heap_make apr_bucket_pool_create
apr_bucket_pool_make apr_bucket_mmap_create apr_bucket_mmap_make apr_bucket_socket_create
apr_bucket_socket_make apr_bucket_pipe_create apr_bucket_pipe_make apr_bucket_file_create
apr_bucket_file_make apr_bucket_file_enable_mmap apr_bucket_file_set_buf_size
";

const NONE: &str = "–";

/// The rows without their heads: Apache's names, ours, what differs.
fn map() -> Vec<Vec<String>> {
    let rows = rows("apache-map.md");
    rows.into_iter().filter(|row| row[0] != "Apache").collect()
}

#[test]
fn map_has_every_name_of_the_header_once() {
    let rows = map();
    let mapped: Vec<&str> = rows.iter().flat_map(|row| code(&row[0])).collect();
    let names: BTreeSet<&str> = HEADER.split_whitespace().collect();
    let missing: Vec<&&str> = names.iter().filter(|name| !mapped.contains(name)).collect();
    assert!(missing.is_empty(), "not in the map: {missing:?}");
    let unknown = |name: &&&str| name.to_lowercase().starts_with("apr_") && !names.contains(**name);
    let unknown: Vec<&&str> = mapped.iter().filter(unknown).collect();
    assert!(unknown.is_empty(), "not in the header: {unknown:?}");
    let distinct: BTreeSet<&&str> = mapped.iter().collect();
    assert_eq!(distinct.len(), mapped.len(), "a name is mapped twice");
}

#[test]
fn every_row_names_something_of_ours_or_says_why_there_is_nothing() {
    for row in map() {
        assert_eq!(row.len(), 3, "{row:?}");
        assert!(!code(&row[0]).is_empty(), "{row:?}");
        if row[1] == NONE {
            assert!(row[2].len() > 10, "why is there nothing? {row:?}");
        } else {
            assert!(!code(&row[1]).is_empty(), "{row:?}");
        }
    }
}

/// `Type`, `Type::method` or `module::function`.
#[track_caller]
fn check_exists(path: &str, sources: &str) {
    let (owner, item) =
        path.split_once("::").map_or((path, None), |(owner, item)| (owner, Some(item)));
    let has = |words: &[&str], name: &str| {
        words.iter().any(|word| {
            let begin = format!("{word} {name}");
            let mut places =
                sources.match_indices(&begin).map(|(at, _)| &sources[at + begin.len()..]);
            places.any(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
        })
    };
    assert!(has(&["struct", "enum", "trait", "mod"], owner), "there is no {owner}");
    if let Some(item) = item {
        assert!(has(&["fn"], item), "there is no {path}");
    }
}

#[test]
fn what_the_map_names_exists() {
    let sources = sources("src");
    for row in map() {
        code(&row[1]).into_iter().for_each(|path| check_exists(path, &sources));
    }
}

#[test]
fn what_is_mapped_is_found_by_its_c_name() {
    let sources = sources("src");
    let mut missing = Vec::new();
    for row in map().iter().filter(|row| row[1] != NONE) {
        for name in code(&row[0]) {
            if !sources.contains(&format!("alias = \"{name}\"")) {
                missing.push(format!("{name} at {}", row[1]));
            }
        }
    }
    assert!(missing.is_empty(), "without a rustdoc alias:\n{}", missing.join("\n"));
}
