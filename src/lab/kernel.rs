//! Kernels of Debian's releases, through apt.
//!
//! Images are only downloaded and unpacked: nothing is installed. The kernels come from Debian's releases whatever this machine runs: their
//! suites are taken from the mirror that apt is configured with, through a private apt configuration in the cache, and the newest build
//! is looked up in the package index.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Error, find_program, make_dir, run};

/// A kernel: its name, the release of Debian that has it, and the package that depends on its newest build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel {
    pub name: &'static str,
    pub suite: &'static str,
    pub meta_package: &'static str,
}

/// Debian 12's own kernel and the newer one that its security suite carries, and Debian 13's. Facts of them have the same names.
pub const KERNELS: [Kernel; 3] = [
    Kernel {
        name: "debian-12",
        suite: "bookworm",
        meta_package: "linux-image-cloud-amd64",
    },
    Kernel {
        name: "debian-12-6.12",
        suite: "bookworm",
        meta_package: "linux-image-6.12-cloud-amd64",
    },
    Kernel {
        name: "debian-13",
        suite: "trixie",
        meta_package: "linux-image-cloud-amd64",
    },
];

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The way out where kernels cannot be fetched.
const OWN_IMAGE: &str = "name the image of a kernel that you have: the path of a vmlinuz";

/// What a kernel's package has of it.
#[derive(Debug, Clone)]
pub struct Image {
    pub vmlinuz: PathBuf,
    /// `config-RELEASE`.
    pub config: PathBuf,
}

/// The image of a kernel, from the cache or downloaded. One process at a time may ask.
pub fn image(cache: &Path, kernel: Kernel) -> Result<Image, Error> {
    let dir = cache.join("kernels").join(kernel.name);
    let image = |dir: &Path| {
        Ok::<_, Error>(Image {
            vmlinuz: only_match(dir, |name| name.starts_with("vmlinuz"))?,
            config: only_match(dir, |name| name.starts_with("config-"))?,
        })
    };
    if let Ok(image) = image(&dir) {
        return Ok(image);
    }
    for (program, package) in [("apt-get", "apt"), ("dpkg-deb", "dpkg")] {
        if find_program(program).is_none() {
            let message = format!(
                "{program} of Debian's {package}, which fetches kernels, is not on this machine"
            );
            return Err(Error::new(message).help(OWN_IMAGE));
        }
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
        let name = file
            .file_name()
            .ok_or_else(|| Error::new("a file has a name"))?;
        fs::rename(file, dir.join(name)).map_err(|e| Error::at(file, &e))?;
    }
    fs::remove_dir_all(&unpacked)
        .and_then(|()| fs::remove_file(&deb))
        .map_err(|e| Error::at(&dir, &e))?;
    image(&dir)
}

fn only_match(dir: &Path, accept: impl Fn(&str) -> bool) -> Result<PathBuf, Error> {
    let entries = fs::read_dir(dir).map_err(|e| Error::at(dir, &e))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok())
        .filter(|entry| accept(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(path), true) => Ok(path),
        _ => Err(Error::new(format!(
            "{}: expected exactly one matching file",
            dir.display()
        ))),
    }
}

/// apt with lists and sources of its own; keys, proxies and everything else stay the machine's.
struct PrivateApt {
    options: Vec<String>,
}

impl PrivateApt {
    fn open(cache: &Path, suite: &str) -> Result<PrivateApt, Error> {
        let dir = cache.join("apt").join(suite);
        make_dir(&dir.join("lists/partial"))?;
        make_dir(&dir.join("cache/archives/partial"))?;
        let sources = dir.join("sources.list");
        fs::write(&sources, suite_sources(suite)?).map_err(|e| Error::at(&sources, &e))?;
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
    fn dependency(&self, package: &str) -> Result<String, Error> {
        let output = run(self.command("apt-cache").args(["depends", package]))?;
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines()
            .filter_map(|line| line.trim().strip_prefix("Depends: "))
            .find(|name| name.starts_with("linux-image-"))
            .map(str::to_owned)
            .ok_or_else(|| Error::new(format!("package {package} names no kernel:\n{text}")))
    }
}

/// A release and its security suite on the mirrors that this machine's apt uses for Debian.
fn suite_sources(suite: &str) -> Result<String, Error> {
    let mirrors = configured_mirrors()?;
    if mirrors.is_empty() {
        let message = "kernels are taken from Debian, but apt knows no source of origin Debian";
        let help = format!("run `apt-get update` if there is one, or {OWN_IMAGE}");
        return Err(Error::new(message).help(help));
    }
    Ok(mirrors
        .iter()
        .map(|(uri, part)| format!("deb [signed-by={KEYRING}] {uri} {suite}{part} main\n"))
        .collect())
}

/// Whether apt knows where Debian's packages are; without lists of packages it does not.
///
/// # Errors
/// apt cannot be asked.
pub fn has_mirror() -> Result<bool, Error> {
    Ok(!configured_mirrors()?.is_empty())
}

/// (mirror, what the names of its suites end in), from the package lists that apt knows.
fn configured_mirrors() -> Result<BTreeSet<(String, &'static str)>, Error> {
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
