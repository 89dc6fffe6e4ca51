//! SIGHUP: another configuration while the server runs.

use std::io::{BufReader, Write};
use std::os::unix::net::UnixStream;

use super::Site;
use crate::server::{Answer, Served};

/// One place, one directory, and a chain that writes `word` for "Apache".
fn config(word: &str) -> String {
    format!(
        "[[listen]]\non = \"127.0.0.1:0\"\n[[route]]\npath = \"/\"\nfiles = \"public\"\n\
         [[chain]]\nfilters = [\"substitute s/Apache/{word}/\"]\n"
    )
}

const GET: &[u8] = b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n";

fn ask(stream: &mut BufReader<impl std::io::Read + Write>) -> String {
    stream.get_mut().write_all(GET).unwrap();
    String::from_utf8(Answer::read(stream, true).body).unwrap()
}

#[test]
fn running_response_keeps_its_chain_and_the_next_on_its_connection_has_the_new_one() {
    // Of unknown length, and more than any socket holds: the response runs for as long as nobody reads it.
    const PIECES: usize = 32 * 1024;
    let piece = format!("Apache{}\n", " ".repeat(1017));
    let site = Site::new(&config("first-of-all"), &[("public/a.txt", &piece.repeat(PIECES))]);
    let mut served = Served::configured(&site.config(), &[]);
    let mut stream = BufReader::with_capacity(1024, served.connect());
    stream.get_mut().write_all(GET).unwrap();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        std::io::BufRead::read_line(&mut stream, &mut head).unwrap();
    }
    site.write("site.toml", &config("second"));
    // The old one goes on being sent; only its name is another's.
    site.write("public/new", "Apache");
    std::fs::rename(site.dir().join("public/new"), site.dir().join("public/a.txt")).unwrap();
    served.signal("HUP");
    assert!(served.line().ends_with("/site.toml as it is now\n"));

    let mut body = Vec::new();
    while let Some(chunk) = crate::server::read_chunk(&mut stream) {
        body.extend(chunk);
    }
    let body = String::from_utf8(body).unwrap();
    assert_eq!(
        body.matches("first-of-all").count(),
        PIECES,
        "the whole response is of the old chain"
    );
    let longer = "first-of-all".len() - "Apache".len();
    assert_eq!(body.len(), (piece.len() + longer) * PIECES);
    assert_eq!(ask(&mut stream), "second", "the next is of the new one");
}

#[test]
fn file_that_is_wrong_is_told_and_changes_nothing() {
    let site = Site::new(&config("first"), &[("public/a.txt", "Apache")]);
    let mut served = Served::complaining(&site.config());
    let mut stream = BufReader::new(served.connect());
    assert_eq!(ask(&mut stream), "first");
    for (wrong, said) in [
        ("[[lissten]]".to_owned(), "did you mean \"listen\"?"),
        (config("second").replace("substitute s", "substitute x"), "is not of the form s/FROM/TO/"),
        (config("second") + "[limits]\nthreads = 3\n", "cannot change while it runs: threads"),
        (config("second").replace("127.0.0.1:0", "192.0.2.1:1"), "listen on 192.0.2.1:1"),
    ] {
        site.write("site.toml", &wrong);
        served.signal("HUP");
        let complaint = served.complaint("goes on as before");
        assert!(complaint.contains(said), "{complaint}");
        assert_eq!(ask(&mut stream), "first");
        assert_eq!(ask(&mut BufReader::new(served.connect())), "first");
    }
    site.write("site.toml", &config("third"));
    served.signal("HUP");
    assert!(served.line().ends_with("/site.toml as it is now\n"));
    assert_eq!(ask(&mut stream), "third");
}

#[test]
fn place_that_stays_keeps_its_socket_while_others_come_and_go() {
    let with = |place: &str| format!("{}[[listen]]\non = \"unix:{place}.sock\"\n", config("here"));
    let site = Site::new(&with("old"), &[("public/a.txt", "Apache")]);
    let (mut served, _) = Served::configured_at(&site.config(), &[], 2);
    let at = |name: &str| UnixStream::connect(site.dir().join(name));
    let mut kept = BufReader::new(served.connect());
    let mut leaves = BufReader::new(at("old.sock").unwrap());
    assert_eq!((ask(&mut kept), ask(&mut leaves)), ("here".to_owned(), "here".to_owned()));

    site.write("site.toml", &with("new"));
    served.signal("HUP");
    assert!(served.line().ends_with("/new.sock\n"));
    assert!(served.line().ends_with("/site.toml as it is now\n"));
    assert_eq!(ask(&mut BufReader::new(at("new.sock").unwrap())), "here");
    assert_eq!(ask(&mut BufReader::new(served.connect())), "here", "at the same port");
    assert_eq!((ask(&mut kept), ask(&mut leaves)), ("here".to_owned(), "here".to_owned()));
    assert!(at("old.sock").is_err() && !site.dir().join("old.sock").exists());
}

#[cfg(feature = "tls")]
#[test]
fn certificate_is_renewed_while_its_socket_stays() {
    let made = || {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    };
    let ((old, old_key), (new, new_key)) = (made(), made());
    let config = "[[listen]]\non = \"127.0.0.1:0\"\ntls = { cert = \"cert.pem\", key = \"key.pem\" }\n\
                  [[route]]\npath = \"/\"\nfiles = \"public\"\n";
    let files = [("public/a.txt", "secret"), ("cert.pem", &*old), ("key.pem", &*old_key)];
    let site = Site::new(config, &files);
    site.write("old.pem", &old);
    site.write("new.pem", &new);
    let (mut served, printed) = Served::configured_at(&site.config(), &[], 1);
    let ask = |cert: &str| {
        let cert = site.dir().join(cert);
        crate::server::curl(&["--cacert", cert.to_str().unwrap(), &format!("{}a.txt", printed[0])])
    };
    let Some(said) = ask("old.pem") else { return };
    assert_eq!(said, (Some(0), "secret".to_owned()));
    assert_eq!(ask("new.pem").unwrap().0, Some(60));
    site.write("cert.pem", &new);
    site.write("key.pem", &new_key);
    served.signal("HUP");
    served.line();
    assert_eq!(ask("new.pem").unwrap(), (Some(0), "secret".to_owned()));
    assert_eq!(ask("old.pem").unwrap().0, Some(60), "who knows the old one alone");
}
