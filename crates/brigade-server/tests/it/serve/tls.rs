//! `--tls-…`, asked by curl.

use std::process::Command;

use crate::server::{Served, curl};

fn dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.txt"), "in secret").unwrap();
    let large: Vec<u8> = (0..=250).cycle().take(3 << 20).collect();
    std::fs::write(dir.path().join("large"), large).unwrap();
    dir
}

#[test]
fn a_certificate_made_for_the_run_is_believed_by_who_does_not_ask() {
    let files = dir();
    let (_served, printed) = Served::at(&["127.0.0.1:0"], files.path(), &["--tls-self-signed"]);
    assert!(printed[0].starts_with("https://127.0.0.1:"), "{printed:?}");
    let url = format!("{}a.txt", printed[0]);
    let Some(said) = curl(&["--insecure", &url, &url]) else { return };
    assert_eq!(said, (Some(0), "in secretin secret".to_owned()));
    // Peer certificate cannot be authenticated with known CA certificates.
    assert_eq!(curl(&[&url]).unwrap().0, Some(60));
    // And one that speaks no TLS gets nothing, and harms nobody.
    assert_ne!(curl(&[&url.replace("https", "http")]).unwrap().0, Some(0));
    let to = files.path().join("copy");
    let output = to.to_str().unwrap();
    let large = format!("{}large", printed[0]);
    assert_eq!(curl(&["--insecure", "--output", output, &large]).unwrap().0, Some(0));
    assert!(std::fs::read(to).unwrap() == std::fs::read(files.path().join("large")).unwrap());
}

#[test]
fn a_certificate_of_ones_own_is_believed_by_who_knows_it() {
    let files = dir();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let keys = tempfile::tempdir().unwrap();
    let path = |name| keys.path().join(name).to_str().unwrap().to_owned();
    let (cert, key, other) = (path("cert.pem"), path("key.pem"), path("other.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    std::fs::write(&other, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();

    let args = ["--tls-cert", &cert, "--tls-key", &key];
    let (_served, printed) = Served::at(&["127.0.0.1:0"], files.path(), &args);
    if let Some(said) = curl(&["--cacert", &cert, &format!("{}a.txt", printed[0])]) {
        assert_eq!(said, (Some(0), "in secret".to_owned()));
    }

    for (args, said) in [
        (["--tls-cert", &cert, "--tls-key", &other], "use the certificate"),
        (["--tls-cert", &key, "--tls-key", &key], "find a certificate in"),
        (["--tls-cert", &cert, "--tls-key", &cert], "read the private key in"),
        (["--tls-cert", "/nowhere", "--tls-key", &key], "read certificates in /nowhere"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_brigade"));
        let out = command.args(["serve", "--listen", "127.0.0.1:0"]).args(args).output().unwrap();
        let printed = String::from_utf8_lossy(&out.stderr);
        assert!(!out.status.success() && printed.contains(said), "{args:?}: {printed}");
    }
}
