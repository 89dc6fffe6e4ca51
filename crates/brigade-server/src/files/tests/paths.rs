//! What a path may say, and what it may not.

use super::*;

#[test]
fn a_path_names_the_file_below_the_root() {
    check_all(
        &Tree::new(),
        &[
            ("/a.txt", Content("a.txt")),
            ("/dir/b.txt", Content("dir/b.txt")),
            ("/dir/sub/c.css", Content("dir/sub/c.css")),
            ("/%61%2Etxt", Content("a.txt")),
            ("/a%2etxt", Content("a.txt")),
            ("/a.txt?", Content("a.txt")),
            ("/a.txt?x=/../../canary", Content("a.txt")),
            ("/a.txt?a?b%zz", Content("a.txt")),
            ("/a.txt%3Fx", Status(404)),
            ("/A.TXT", Status(404)),
            ("/a.txt.", Status(404)),
            ("/nothing", Status(404)),
            ("/nothing/at/all", Status(404)),
            ("/a.txt/below", Status(404)),
        ],
    );
}

#[test]
fn a_dot_segment_is_refused_however_it_is_spelt_and_wherever_it_leads() {
    check_all(
        &Tree::new(),
        &[
            ("/..", Status(400)),
            ("/../", Status(400)),
            ("/..?/canary", Status(400)),
            ("/../canary", Status(400)),
            ("/../../etc/passwd", Status(400)),
            ("/../../../../../../../../../../etc/passwd", Status(400)),
            ("/dir/../../canary", Status(400)),
            ("/dir/../a.txt", Status(400)),
            ("/nothing/../a.txt", Status(400)),
            ("//../canary", Status(400)),
            ("/..//canary", Status(400)),
            ("/%2e%2e/canary", Status(400)),
            ("/%2E%2E/%2E%2E/etc/passwd", Status(400)),
            ("/.%2e/canary", Status(400)),
            ("/%2e./canary", Status(400)),
            ("/dir/%2e%2e/%2e%2e/canary", Status(400)),
            ("/.", Status(400)),
            ("/./a.txt", Status(400)),
            ("/dir/.", Status(400)),
            ("/%2e/a.txt", Status(400)),
        ],
    );
}

#[test]
fn a_name_that_only_looks_like_a_way_up_is_a_name() {
    check_all(
        &Tree::new(),
        &[
            // An encoded slash separates nothing.
            ("/..%2fcanary", Status(404)),
            ("/..%2F..%2Fetc%2Fpasswd", Status(404)),
            ("/%2e%2e%2fcanary", Status(404)),
            ("/%2fetc/passwd", Status(404)),
            ("/%2F%2Fetc%2Fpasswd", Status(404)),
            ("/dir%2fb.txt", Status(404)),
            ("/a.txt%2f", Status(404)),
            // Nor does an encoded backslash.
            ("/..%5ccanary", Status(404)),
            ("/%2e%2e%5C%2e%2e%5Cetc%5Cpasswd", Status(404)),
            // Decoded once, not twice.
            ("/%252e%252e/canary", Status(404)),
            ("/%252e%252e%252fcanary", Status(404)),
            ("/..%252fcanary", Status(404)),
            ("/%25252e%25252e/canary", Status(404)),
            // Overlong UTF-8 for a slash and for a dot, in two, three and four bytes.
            ("/..%c0%afcanary", Status(404)),
            ("/%c0%ae%c0%ae/canary", Status(404)),
            ("/%e0%80%ae%e0%80%ae/canary", Status(404)),
            ("/%f0%80%80%ae%f0%80%80%ae/canary", Status(404)),
            // Characters that look like dots and slashes, or that other systems drop.
            ("/\u{ff0e}\u{ff0e}/canary", Status(404)),
            ("/\u{2024}\u{2024}\u{2215}canary", Status(404)),
            ("/..;/canary", Status(404)),
            ("/..%20/canary", Status(404)),
            ("/..%0a/canary", Status(404)),
            ("/..../canary", Status(404)),
            ("/.../canary", Status(404)),
            ("/~root/canary", Status(404)),
            ("/file:///etc/passwd", Status(404)),
            ("/C:/canary", Status(404)),
        ],
    );
}

#[test]
fn a_path_that_no_client_sends_is_refused() {
    check_all(
        &Tree::new(),
        &[
            ("", Status(400)),
            ("?", Status(400)),
            ("*", Status(400)),
            ("a.txt", Status(400)),
            ("../canary", Status(400)),
            ("http://host/a.txt", Status(400)),
            ("/a.txt%00", Status(400)),
            ("/a.txt%00.html", Status(400)),
            ("/%00/../canary", Status(400)),
            ("/a.txt\0", Status(400)),
            ("/a.txt%", Status(400)),
            ("/a.txt%2", Status(400)),
            ("/%zz/a.txt", Status(400)),
            ("/%%61.txt", Status(400)),
            ("/%+1a.txt", Status(400)),
            ("/%u002e%u002e/canary", Status(400)),
            ("/a.txt#top", Status(400)),
            ("/a txt", Status(400)),
            ("/a\r\nb", Status(400)),
            ("/a\x7f", Status(400)),
            ("\\..\\canary", Status(400)),
            ("/..\\canary", Status(400)),
            ("/..\\..\\etc\\passwd", Status(400)),
            ("/dir\\..\\..\\canary", Status(400)),
            ("/\\\\host\\share", Status(400)),
        ],
    );
}

#[test]
fn several_slashes_count_as_one() {
    check_all(
        &Tree::new(),
        &[
            ("//a.txt", Content("a.txt")),
            ("///dir//b.txt", Content("dir/b.txt")),
            ("//", Content("index.html")),
            ("/dir//", Content("dir/index.html")),
            ("/a.txt//", Status(404)),
            ("//etc/passwd", Status(404)),
            ("//dir", Redirect("/dir/")),
        ],
    );
}

#[test]
fn a_name_of_any_bytes_is_served() {
    let tree = Tree::new();
    let names = [
        "häß.txt",
        "日本/語.txt",
        "a b.txt",
        "100%.txt",
        "%2e%2e",
        "%61",
        "q?.txt",
        "h#.txt",
        "a\\b",
        "\n",
        "...",
        "..a",
        " .. ",
    ];
    for name in names {
        tree.file(name);
    }
    check_all(
        &tree,
        &[
            ("/h%C3%A4%C3%9F.txt", Content("häß.txt")),
            ("/häß.txt", Content("häß.txt")),
            ("/%e6%97%a5%e6%9c%ac/%e8%aa%9e.txt", Content("日本/語.txt")),
            ("/a%20b.txt", Content("a b.txt")),
            ("/a+b.txt", Status(404)),
            ("/100%25.txt", Content("100%.txt")),
            ("/100%.txt", Status(400)),
            ("/%252e%252e", Content("%2e%2e")),
            ("/%2561", Content("%61")),
            ("/q%3F.txt", Content("q?.txt")),
            ("/h%23.txt", Content("h#.txt")),
            ("/a%5Cb", Content("a\\b")),
            ("/%0A", Content("\n")),
            ("/...", Content("...")),
            ("/..a", Content("..a")),
            ("/%20..%20", Content(" .. ")),
        ],
    );
}

#[test]
fn a_name_that_is_no_utf_8_is_served() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let tree = Tree::new();
    fs::write(tree.www().join(OsStr::from_bytes(b"latin-\xe9.txt")), "latin").unwrap();
    check_all(&tree, &[("/latin-%E9.txt", Content("latin")), ("/latin-é.txt", Status(404))]);
}

#[test]
fn a_name_or_path_longer_than_the_system_knows_is_not_found() {
    let tree = Tree::new();
    let longest = "n".repeat(255);
    tree.file(&longest);
    // 1023 names of three letters and their slashes are 4091 bytes; the longest path has 4095.
    let deep = "/xyz".repeat(1023);
    check_all(
        &tree,
        &[
            (&format!("/{longest}"), Content(&longest)),
            (&format!("/{longest}n"), Status(404)),
            (&format!("/{}", "%6e".repeat(255)), Content(&longest)),
            (&deep, Status(404)),
            (&format!("{deep}/abc"), Status(404)),
            (&format!("{deep}/abcd"), Status(404)),
            (&"/".repeat(100_000), Content("index.html")),
            (&"/n".repeat(100_000), Status(404)),
            (&format!("/{}", "n".repeat(1_000_000)), Status(404)),
        ],
    );
}

#[test]
fn a_path_of_the_greatest_length_is_opened_and_a_longer_one_is_not() {
    let tree = Tree::new();
    // 15 directories of 255 letters and their slashes are 3840 bytes; 255 more are the longest.
    let parents = format!("{}/", "d".repeat(255)).repeat(15);
    let longest = parents.clone() + &"f".repeat(255);
    let longer = parents + &"d".repeat(254) + "/f";
    assert_eq!((longest.len(), longer.len()), (4095, 4096));
    make_deep(&tree.www(), &longest);
    make_deep(&tree.www(), &longer);
    check_all(
        &tree,
        &[
            (&format!("/{longest}"), Content("deep")),
            (&format!("/{longest}/"), Status(404)),
            (&format!("/{longer}"), Status(404)),
        ],
    );
}

/// Makes a file too far down for one system call to name.
fn make_deep(from: &Path, path: &str) {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    let mut dir = openat(CWD, from, OFlags::RDONLY, Mode::empty()).unwrap();
    let (parents, name) = path.rsplit_once('/').unwrap();
    for parent in parents.split('/') {
        let _ = mkdirat(&dir, parent, Mode::RWXU); // Or it is there already.
        dir = openat(&dir, parent, OFlags::RDONLY, Mode::empty()).unwrap();
    }
    let file = openat(&dir, name, OFlags::WRONLY | OFlags::CREATE, Mode::RUSR).unwrap();
    std::io::Write::write_all(&mut File::from(file), b"deep").unwrap();
}

#[test]
fn a_directory_without_its_slash_redirects_to_itself_alone() {
    let tree = Tree::new();
    let host = "evil.example";
    for name in [host, "a b", "ü", "\r\nSet-Cookie: x", "%2e", "\"<>", "@", "a\\b", "javascript:x"]
    {
        tree.directory(name);
    }
    check_all(
        &tree,
        &[
            ("/dir", Redirect("/dir/")),
            ("/dir/sub", Redirect("/dir/sub/")),
            ("/empty", Redirect("/empty/")),
            ("/odd/index.html", Redirect("/odd/index.html/")),
            ("/dir?", Redirect("/dir/?")),
            ("/dir?a=b&c=/%2e%zz?d", Redirect("/dir/?a=b&c=/%2e%zz?d")),
            ("/dir?ü \"<\r\n>\\", Redirect("/dir/?%C3%BC%20%22%3C%0D%0A%3E%5C")),
            ("/dir?\u{0}\u{7f}", Redirect("/dir/?%00%7F")),
            ("/%64ir", Redirect("/dir/")),
            // Never `//host`, which is another server, nor `/\host`, which some browsers take for
            // it.
            ("//evil.example", Redirect("/evil.example/")),
            ("///evil.example", Redirect("/evil.example/")),
            ("/%2fevil.example", Status(404)),
            ("/%5cevil.example", Status(404)),
            ("/\\evil.example", Status(400)),
            ("/a%5cb", Redirect("/a%5Cb/")),
            ("/@", Redirect("/@/")),
            ("/javascript:x", Redirect("/javascript:x/")),
            ("/a%20b", Redirect("/a%20b/")),
            ("/ü", Redirect("/%C3%BC/")),
            ("/%22%3c%3e", Redirect("/%22%3C%3E/")),
            ("/%252e", Redirect("/%252e/")),
            ("/%0d%0aSet-Cookie:%20x", Redirect("/%0D%0ASet-Cookie:%20x/")),
        ],
    );
}
