//! What the lab takes from Debian: tools, and the kernels it boots.
//!
//! Tools are installed when missing (root, or sudo without a password). Kernel images are only downloaded and
//! unpacked. The kernels come from Debian's releases whatever this machine runs: their suites are taken from the
//! mirror that apt is configured with, through a private apt configuration under `.lab-cache/`, and the newest build
//! is looked up in the package index.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Kernel, make_dir, run};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A program of this machine that the lab calls, and the packages that bring it.
const TOOLS: [(&str, &[&str]); 4] = [
    ("qemu-system-x86_64", &["qemu-system-x86"]),
    ("gcc", &["gcc", "libc6-dev"]),
    ("bpftool", &["bpftool"]),
    ("dpkg-deb", &["dpkg"]),
];

/// Where a program lies; `/usr/sbin` is not in every user's path.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let dirs = path.split(':').chain(["/usr/sbin", "/sbin", "/usr/bin"]);
    dirs.map(|dir| Path::new(dir).join(name))
        .find(|file| file.is_file())
}

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
        run(&mut as_root("apt-get", &["update"])?).map_err(hint)?;
        install(&missing).map_err(hint)?;
    }
    Ok(())
}

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

/// What a kernel's package has of it.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) vmlinuz: PathBuf,
    /// `config-RELEASE`.
    pub(crate) config: PathBuf,
}

/// The image of a kernel, from the cache or downloaded.
pub(crate) fn kernel_image(cache: &Path, kernel: Kernel) -> Result<Image, String> {
    let dir = cache.join("kernels").join(kernel.name);
    let image = |dir: &Path| {
        Ok::<_, String>(Image {
            vmlinuz: only_match(dir, |name| name.starts_with("vmlinuz"))?,
            config: only_match(dir, |name| name.starts_with("config-"))?,
        })
    };
    if let Ok(image) = image(&dir) {
        return Ok(image);
    }
    let apt = PrivateApt::open(cache, kernel.suite)?;
    let package = apt.dependency(kernel.meta_package)?;
    fs::remove_dir_all(&dir).ok();
    make_dir(&dir)?;
    let unpacked = dir.join("unpacked");
    run(apt
        .command("apt-get")
        .current_dir(&dir)
        .args(["download", &package]))?;
    let deb = only_match(&dir, |name| {
        name.starts_with(&package) && name.ends_with(".deb")
    })?;
    run(Command::new("dpkg-deb")
        .arg("--extract")
        .arg(&deb)
        .arg(&unpacked))?;
    let found = image(&unpacked.join("boot"))?;
    for file in [&found.config, &found.vmlinuz] {
        let name = file.file_name().ok_or("a file has a name")?;
        fs::rename(file, dir.join(name)).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    fs::remove_dir_all(&unpacked)
        .and_then(|()| fs::remove_file(&deb))
        .map_err(|e| format!("{}: {e}", dir.display()))?;
    image(&dir)
}

fn only_match(dir: &Path, accept: impl Fn(&str) -> bool) -> Result<PathBuf, String> {
    let entries = fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok())
        .filter(|entry| accept(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(path), true) => Ok(path),
        _ => Err(format!(
            "{}: expected exactly one matching file",
            dir.display()
        )),
    }
}

/// apt with lists and sources of its own; keys, proxies and everything else stay the machine's.
struct PrivateApt {
    options: Vec<String>,
}

impl PrivateApt {
    fn open(cache: &Path, suite: &str) -> Result<PrivateApt, String> {
        let dir = cache.join("apt").join(suite);
        make_dir(&dir.join("lists/partial"))?;
        make_dir(&dir.join("cache/archives/partial"))?;
        let sources = dir.join("sources.list");
        fs::write(&sources, suite_sources(suite)?)
            .map_err(|e| format!("{}: {e}", sources.display()))?;
        let at = |what: &str, path: &str| format!("-oDir::{what}={}", dir.join(path).display());
        let options = vec![
            at("Etc::SourceList", "sources.list"),
            "-oDir::Etc::SourceParts=-".to_owned(),
            at("State::Lists", "lists"),
            at("Cache", "cache"),
            // The lists may lie where apt's own user cannot go.
            "-oAPT::Sandbox::User=".to_owned(),
        ];
        let apt = PrivateApt { options };
        run(apt.command("apt-get").arg("update"))?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(&self.options);
        command
    }

    /// The package that a meta package depends on: the newest build of its kernel.
    fn dependency(&self, package: &str) -> Result<String, String> {
        let output = run(self.command("apt-cache").args(["depends", package]))?;
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines()
            .filter_map(|line| line.trim().strip_prefix("Depends: "))
            .find(|name| name.starts_with("linux-image-"))
            .map(str::to_owned)
            .ok_or_else(|| format!("package {package} names no kernel:\n{text}"))
    }
}

/// A release and its security suite on the mirrors that this machine's apt uses for Debian.
fn suite_sources(suite: &str) -> Result<String, String> {
    let mut mirrors = configured_mirrors()?;
    if mirrors.is_empty() {
        run(&mut as_root("apt-get", &["update"])?)?;
        mirrors = configured_mirrors()?;
    }
    if mirrors.is_empty() {
        return Err(
            "the kernel lab takes its kernels from Debian, but apt has no source of origin Debian"
                .to_owned(),
        );
    }
    Ok(mirrors
        .iter()
        .map(|(uri, part)| format!("deb [signed-by={KEYRING}] {uri} {suite}{part} main\n"))
        .collect())
}

/// (mirror, what the names of its suites end in), from the package lists that apt knows.
fn configured_mirrors() -> Result<BTreeSet<(String, &'static str)>, String> {
    let format = "$(CREATED_BY) $(ORIGIN) $(CODENAME) $(REPO_URI)";
    let output = run(Command::new("apt-get").args(["indextargets", "--format", format]))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut mirrors = BTreeSet::new();
    for line in text.lines() {
        if let ["Packages", "Debian", codename, uri] = line.split(' ').collect::<Vec<_>>()[..] {
            match codename.split_once('-') {
                None => mirrors.insert((uri.to_owned(), "")),
                Some((_, "security")) => mirrors.insert((uri.to_owned(), "-security")),
                Some(_) => false,
            };
        }
    }
    Ok(mirrors)
}
