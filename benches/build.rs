//! Builds the loops of `versus_apr` against Apache's library, where it is installed.
//!
//! Invariant: this never fails. Without the library, `pkg-config` or a C compiler it says in
//! `APR_MISSING` what it did not find, and the program tells its user.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(apr_found)");
    #[cfg(feature = "apr")]
    apr::build();
}

#[cfg(feature = "apr")]
mod apr {
    use std::path::PathBuf;
    use std::{env, fs};

    use pkg_config::Library;

    const NO_COMPILER: &str = "a C compiler that takes APR's headers";

    pub(crate) fn build() {
        println!("cargo::rerun-if-changed=apr/loops.c");
        match compile() {
            Ok(()) => println!("cargo::rustc-cfg=apr_found"),
            Err(missing) => {
                println!("cargo::rustc-env=APR_MISSING={missing}");
                // A file that is not there makes cargo ask again each time: the next build after an
                // installation must notice it.
                println!("cargo::rerun-if-changed=apr/not-there");
            }
        }
    }

    fn compile() -> Result<(), &'static str> {
        // `apr-util-1` keeps the library it stands on, `apr-1`, to itself.
        let libraries = [probe("apr-util-1")?, probe("apr-1")?];
        let mut build = cc::Build::new();
        build.file("apr/loops.c").opt_level(2).std("gnu11").cargo_metadata(false);
        for library in &libraries {
            build.includes(&library.include_paths);
            for (name, value) in &library.defines {
                build.define(name, value.as_deref());
            }
        }
        build.try_compile("versus_apr").map_err(|_| NO_COMPILER)?;
        let compiler = build.try_get_compiler().map_err(|_| NO_COMPILER)?;

        // A library that is described and not there must fail here, not when cargo links.
        let out = out_dir();
        let program = out.join("links.c");
        fs::write(&program, "int main(void) { return 0; }\n")
            .map_err(|_| "a directory to build in")?;
        let mut link = compiler.to_command();
        link.arg(&program).arg("-o").arg(out.join("links"));
        for library in &libraries {
            link.args(library.link_paths.iter().map(|path| format!("-L{}", path.display())));
            link.args(library.libs.iter().map(|name| format!("-l{name}")));
        }
        match link.output() {
            Ok(output) if output.status.success() => {
                announce(&libraries);
                Ok(())
            }
            _ => Err("a library to link that pkg-config knows as apr-util-1"),
        }
    }

    fn probe(name: &str) -> Result<Library, &'static str> {
        pkg_config::Config::new().cargo_metadata(false).probe(name).map_err(|error| match error {
            pkg_config::Error::Command { .. } => "the command pkg-config",
            _ => "a library that pkg-config knows as apr-util-1",
        })
    }

    /// Says where the libraries are; which ones, `binding.rs` says: from here cargo would link them
    /// into the package's library and not into its program.
    fn announce(libraries: &[Library]) {
        println!("cargo::rustc-link-search=native={}", out_dir().display());
        for library in libraries {
            for path in &library.link_paths {
                println!("cargo::rustc-link-search=native={}", path.display());
            }
            // Taken away again, it must not be linked to either.
            for path in &library.include_paths {
                println!("cargo::rerun-if-changed={}", path.join("apr_buckets.h").display());
            }
        }
    }

    fn out_dir() -> PathBuf {
        PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"))
    }
}
