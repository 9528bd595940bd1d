//! What `tpc test --lab` needs: a kernel, the loader, QEMU.

use std::path::{Path, PathBuf};

use clap::ValueHint;

use crate::diag::{Diagnostic, code};
use crate::lab::kernel::{self, KERNELS};
use crate::lab::machine::{self, QEMU};
use crate::lab::{Error, Lock, find_program, make_dir};
use crate::policy::advice;
use crate::testing::lab::Guest;

#[derive(Debug, clap::Args)]
pub(super) struct Lab {
    /// Also make the calls on a real kernel under QEMU: debian-12 (Linux 6.1), debian-12-6.12 or debian-13, which apt fetches, or the
    /// path of a vmlinuz; may be repeated
    #[arg(long, value_name = "KERNEL", value_hint = ValueHint::FilePath)]
    lab: Vec<String>,
    /// Where kernels are kept [default: $TPC_LAB_CACHE, or tpc in the user's cache directory]
    #[arg(long, value_name = "DIR", requires = "lab", value_hint = ValueHint::DirPath)]
    lab_cache: Option<PathBuf>,
    /// The tpc-loader for the kernel [default: the one beside tpc]
    #[arg(long, value_name = "FILE", requires = "lab", value_hint = ValueHint::FilePath)]
    lab_loader: Option<PathBuf>,
}

impl Lab {
    /// The kernels to test on, ready to be booted.
    pub(super) fn guests(&self) -> Result<Vec<Guest>, Box<Diagnostic>> {
        let all: Result<_, Error> = self.lab.iter().map(|name| self.guest(name)).collect();
        all.map_err(|error| Box::new(diagnostic(&error)))
    }

    fn guest(&self, name: &str) -> Result<Guest, Error> {
        let known = KERNELS.iter().find(|kernel| kernel.name == name);
        if known.is_none() && !Path::new(name).is_file() {
            let names: Vec<&str> = KERNELS.iter().map(|kernel| kernel.name).collect();
            let help = format!("{}; or name a vmlinuz by its path", advice(name, &names));
            return Err(Error::new(format!("there is no kernel `{name}`")).help(help));
        }
        let loader = self.loader()?;
        if find_program(QEMU).is_none() {
            let message = format!("{QEMU} is not on this machine");
            return Err(Error::new(message).help(machine::INSTALL));
        }
        let cache = self.cache()?;
        let image = match known {
            Some(kernel) => {
                make_dir(&cache)?;
                let _lock = Lock::take(&cache.join("lock"))?;
                kernel::image(&cache, *kernel)?.vmlinuz
            }
            None => PathBuf::from(name),
        };
        let place = format!(
            "{}-{}",
            known.map_or("own", |kernel| kernel.name),
            std::process::id()
        );
        Ok(Guest {
            kernel: name.to_owned(),
            image,
            loader,
            place: cache.join("boot").join(place),
        })
    }

    fn loader(&self) -> Result<PathBuf, Error> {
        let beside = || Some(std::env::current_exe().ok()?.with_file_name("tpc-loader"));
        let path = self.lab_loader.clone().or_else(beside).unwrap_or_default();
        match path.is_file() {
            true => Ok(path),
            false => {
                let message = format!("there is no loader `{}`", path.display());
                Err(Error::new(message).help("name the tpc-loader: `--lab-loader FILE`"))
            }
        }
    }

    fn cache(&self) -> Result<PathBuf, Error> {
        let of = |name| {
            std::env::var_os(name)
                .filter(|text| !text.is_empty())
                .map(PathBuf::from)
        };
        let user = || of("XDG_CACHE_HOME").or_else(|| Some(of("HOME")?.join(".cache")));
        let own = self.lab_cache.clone().or_else(|| of("TPC_LAB_CACHE"));
        own.or_else(|| Some(user()?.join("tpc"))).ok_or_else(|| {
            Error::new("there is no directory to keep kernels in")
                .help("name one: `--lab-cache DIR`")
        })
    }
}

/// Of a long message the first line is the message, and the rest its label.
pub(super) fn diagnostic(error: &Error) -> Diagnostic {
    let (first, rest) = error
        .message
        .split_once('\n')
        .unwrap_or((&error.message, ""));
    let diagnostic = Diagnostic::error(code::NO_GUEST, first);
    let rest = rest.trim();
    match (&error.help, rest) {
        (Some(help), _) => diagnostic.help(help.as_str()),
        (None, "") => diagnostic,
        (None, rest) => diagnostic.help(rest),
    }
}
