//! The guest's base system: init, the trigger program, the loader, bpftool.
//!
//! Everything is built from the sources of this project, statically, into `.lab-cache/` and `target/lab`; bpftool and
//! the shared libraries that it loads are this machine's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tpc::lab::{find_program, kernel};

use super::cpio::Archive;
use super::{make_dir, project_root, text};

/// The loader on the guest.
pub(crate) const LOADER: &str = "/bin/tpc-loader";
/// The trigger program on the guest.
pub(crate) const TRIGGER: &str = "/bin/trigger";
/// The compiler on the guests that have it.
pub(crate) const COMPILER: &str = "/bin/tpc";
/// bpftool on the guest.
pub(crate) const BPFTOOL: &str = "/bin/bpftool";

/// Sources of the guest's programs, under `tests/lab/guest/`.
const PROGRAMS: [(&str, &[&str]); 3] = [
    ("init", &["init.c"]),
    ("driver", &["driver.c", "driver_words.c", "driver_caller.c"]),
    (
        "trigger",
        &[
            "trigger.c",
            "ops_file.c",
            "ops_net.c",
            "ops_process.c",
            "ops_node.c",
        ],
    ),
];

/// A program of this machine that the lab calls, and the packages that bring it.
const TOOLS: [(&str, &[&str]); 4] = [
    ("qemu-system-x86_64", &["qemu-system-x86"]),
    ("gcc", &["gcc", "libc6-dev"]),
    ("bpftool", &["bpftool"]),
    ("dpkg-deb", &["dpkg"]),
];

/// Installs the tools that are missing.
pub(crate) fn install_tools() -> Result<(), String> {
    let missing: Vec<&str> = TOOLS
        .iter()
        .filter(|(program, _)| find_program(program).is_none())
        .flat_map(|(_, packages)| packages.iter().copied())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let install = |packages: &[&str]| {
        let mut args = vec!["install", "--yes", "--no-install-recommends"];
        args.extend(packages);
        run(&mut as_root("apt-get", &args)?).map(|_| ())
    };
    let hint = |e| {
        format!(
            "the kernel lab needs: apt-get install {}\n{e}",
            missing.join(" ")
        )
    };
    // A fresh image has no package lists, an old one has stale ones: ask for new ones and try again.
    if install(&missing).is_err() {
        update_lists().map_err(hint)?;
        install(&missing).map_err(hint)?;
    }
    Ok(())
}

/// Lets apt know where Debian's packages are, for the kernels.
pub(crate) fn know_mirrors() -> Result<(), String> {
    match kernel::has_mirror().map_err(text)? {
        true => Ok(()),
        false => update_lists(),
    }
}

fn update_lists() -> Result<(), String> {
    run(&mut as_root("apt-get", &["update"])?).map(|_| ())
}

/// A command of root: by itself, or by sudo without a password.
fn as_root(program: &str, args: &[&str]) -> Result<Command, String> {
    let id = run(Command::new("id").arg("-u"))?;
    let mut command = if id.stdout == b"0\n" {
        Command::new(program)
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg("--non-interactive").arg(program);
        sudo
    };
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}

/// Runs a command to its end.
fn run(command: &mut Command) -> Result<Output, String> {
    tpc::lab::run(command).map_err(text)
}

/// Builds the base system.
pub(crate) fn guest(cache: &Path) -> Result<Archive, String> {
    let mut archive = Archive::default();
    for (name, sources) in PROGRAMS {
        let program = compile(cache, name, sources)?;
        let path = if name == "init" {
            "/init".to_owned()
        } else {
            format!("/bin/{name}")
        };
        archive.file(&path, 0o755, read(&program)?);
    }
    archive.file(LOADER, 0o755, read(&loader()?)?);
    add_bpftool(&mut archive)?;
    for dir in ["/proc", "/sys", "/dev", "/tmp", "/run", "/root"] {
        archive.directory(dir);
    }
    Ok(archive)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn compile(cache: &Path, name: &str, sources: &[&str]) -> Result<PathBuf, String> {
    let dir = cache.join("guest");
    make_dir(&dir).map_err(text)?;
    let program = dir.join(name);
    let from = project_root().join("tests/lab/guest");
    run(Command::new("gcc")
        .args(["-static", "-O2", "-Wall", "-Wextra", "-pthread", "-s", "-o"])
        .arg(&program)
        .args(sources.iter().map(|source| from.join(source))))?;
    Ok(program)
}

/// The loader without the compiler.
pub(crate) fn loader() -> Result<PathBuf, String> {
    program(
        "tpc-loader",
        &["--no-default-features", "--features", "loader"],
    )
}

/// The compiler, which guests can run, too.
pub(crate) fn compiler() -> Result<Vec<u8>, String> {
    read(&program("tpc", &[])?)
}

/// Builds one of our programs, linked statically: the guest has no libc.
fn program(name: &str, features: &[&str]) -> Result<PathBuf, String> {
    let target = "x86_64-unknown-linux-gnu";
    let dir = project_root().join("target/lab");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(Command::new(cargo)
        .current_dir(project_root())
        .args(["build", "--locked", "--release", "--bin", name])
        .args(features)
        .args(["--target", target])
        .env("CARGO_TARGET_DIR", &dir)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS"))?;
    Ok(dir.join(target).join("release").join(name))
}

fn add_bpftool(archive: &mut Archive) -> Result<(), String> {
    let program = find_program("bpftool").ok_or("bpftool is not installed")?;
    tpc::lab::loader::add(archive, BPFTOOL, &program).map_err(text)
}
