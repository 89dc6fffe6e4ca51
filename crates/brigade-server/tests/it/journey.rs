//! `trace --html` and `--save`: a page that a browser opens, a journey that goes the same way again.

use std::fs;
use std::path::Path;
use std::process::Command;

use brigade::Registry;
use brigade_http::{describe_mark, make_mark};
use brigade_testkit::journey::{Journey, Marks};
use tempfile::TempDir;

/// A page with markup in it, which must not become markup of the drawing.
const PAGE: &str = "<p>Apache streams</p><script>document.title = 'taken'</script>\n";

/// What `trace` makes of the page, by these arguments.
#[track_caller]
fn trace(dir: &TempDir, args: &[&str]) {
    let file = dir.path().join("page.html");
    fs::write(&file, PAGE).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_brigade"))
        .arg("trace")
        .arg(file)
        .args(["--filter", "substitute s/Apache/httpd/", "--filter", "deflate"])
        .args(args)
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(out.stdout.is_empty(), "what is drawn is not printed");
}

/// The page as Chromium has it after its scripts have run; `None`, visibly, where there is none.
fn open(dir: &Path, page: &str) -> Option<String> {
    let profile = dir.join("profile");
    let out = Command::new("chromium")
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom", "--timeout=20000"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", dir.join(page).display()))
        .output();
    match out {
        Ok(out) => Some(String::from_utf8_lossy(&out.stdout).into_owned()),
        Err(error) => {
            println!("passed over: chromium cannot be run: {error}");
            None
        }
    }
}

#[test]
fn trace_draws_a_page_that_needs_nothing_from_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    trace(&dir, &["--html", "journey.html"]);
    let page = fs::read_to_string(dir.path().join("journey.html")).unwrap();
    for outside in ["http://", "https://", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside:?}");
    }
    assert!(!page.contains("<p>Apache"), "what passed is no markup");
    for there in ["substitute", "deflate", "network", "FILE", "HEAP", "EOS", "page.html on its way"]
    {
        assert!(page.contains(there), "{there:?}");
    }
}

#[test]
fn chromium_opens_the_drawing_and_its_script_shows_what_a_box_holds() {
    let dir = tempfile::tempdir().unwrap();
    trace(&dir, &["--html", "journey.html"]);
    // As a person would who walks with the keyboard: the last box that holds bytes of the page.
    let walk = "<script>[...document.querySelectorAll('button.box')]
        .filter(box => inside(box).includes('httpd')).pop().focus();</script>";
    let drawn = dir.path().join("journey.html");
    let page = fs::read_to_string(&drawn).unwrap().replace("</html>", walk);
    fs::write(&drawn, page).unwrap();
    let Some(dom) = open(dir.path(), "journey.html") else { return };
    let (_, shown) = dom.split_once("<output id=\"look\"").expect("the page has run");
    let (shown, _) = shown.split_once("</output>").expect("it ends");
    assert!(shown.contains("substitute → deflate"), "{shown}");
    assert!(shown.contains("httpd streams"), "{shown}");
    assert!(dom.contains("<title>page.html on its way</title>"), "nothing that passed was run");
    assert!(dom.contains("class=\"row now\""), "its row is marked");
}

#[test]
fn journey_that_was_saved_goes_the_same_way_again_and_is_drawn() {
    let dir = tempfile::tempdir().unwrap();
    trace(&dir, &["--save", "page.journey"]);
    let saved = fs::read(dir.path().join("page.journey")).unwrap();
    let journey = Journey::load(&saved[..], saved.len() as u64).unwrap();
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    for (name, spec) in [("substitute", "substitute s/Apache/httpd/"), ("deflate", "deflate")] {
        let filter = registry.prepare(spec).unwrap().member();
        let marks = Marks { make: make_mark, describe: describe_mark };
        let again = journey.replay(name, [filter], marks).unwrap();
        assert!(again.out_of(name).is_some_and(|parts| parts.len() > 1), "{name}");
        assert_eq!(again.out_of(name), journey.out_of(name), "{name}");
    }
    let drawn = Command::new(env!("CARGO_BIN_EXE_brigade"))
        .args(["trace", "--load", "page.journey", "--html", "saved.html"])
        .current_dir(dir.path())
        .status();
    assert!(drawn.unwrap().success());
    assert!(fs::read_to_string(dir.path().join("saved.html")).unwrap().contains("deflate"));
}
