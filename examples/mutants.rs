//! Does the oracle notice mistakes in the code generator? `cargo run --example mutants -- [--pairs N] [--seed N] [NAME]`.
//!
//! Each mutant of `tests/mutants/table.txt` is built in a copy of the project and judged by the oracle, on `--pairs` random pairs of a policy
//! and a call; one that survives, by random functions, before and after each pass. Prints who caught it, or that the mutant survived. Ends
//! with 1 if less than 95 % were caught, and with 2 if there is nothing to judge: a NAME that the table does not have, a project that fails
//! without a mutant.

#[path = "../tests/mutants/mod.rs"]
mod mutants;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;
use std::{env, fmt, fs, io};

use mutants::Mutant;

/// What the copy does not need.
const SKIPPED: [&str; 4] = ["target", ".git", ".lab-cache", "docs"];

/// What the command line asks for.
struct Options {
    pairs: u64,
    seed: u64,
    /// The only mutant to judge.
    name: Option<String>,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            pairs: 100_000,
            seed: 1,
            name: None,
        };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--pairs" => options.pairs = number(&arg, args.next())?,
                "--seed" => options.seed = number(&arg, args.next())?,
                _ if arg.starts_with("--") || options.name.is_some() => {
                    return Err(format!("`{arg}` is one too many"));
                }
                _ => options.name = Some(arg),
            }
        }
        Ok(options)
    }
}

fn number(flag: &str, value: Option<String>) -> Result<u64, String> {
    let value = value.unwrap_or_default();
    let number = value.parse();
    number.map_err(|_| format!("{flag} takes a number, not `{value}`"))
}

fn main() -> ExitCode {
    match judge_all() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("mutants: {error}");
            ExitCode::from(2)
        }
    }
}

fn judge_all() -> Result<ExitCode, String> {
    let options = Options::parse(env::args().skip(1))?;
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = mutants::all(project);
    let chosen: Vec<&Mutant> = all
        .iter()
        .filter(|one| options.name.as_ref().is_none_or(|name| one.name == *name))
        .collect();
    if chosen.is_empty() {
        let name = options.name.unwrap_or_default();
        return Err(format!("the table has no mutant `{name}`"));
    }
    let copy = project.join("target/mutants/project");
    copy_directory(project, &copy).map_err(|error| format!("copying the project: {error}"))?;
    let judge = Judge {
        copy,
        pairs: options.pairs.to_string(),
        seed: options.seed.to_string(),
    };
    match judge.whole() {
        Ok(Verdict::Survived) => {}
        Ok(verdict) => return Err(format!("without a mutant: {verdict}")),
        Err(error) => return Err(format!("without a mutant: {error}")),
    }
    let mut caught = 0;
    for mutant in &chosen {
        let start = Instant::now();
        let verdict = judge.verdict(mutant).expect("the copy can be changed");
        caught += usize::from(!matches!(verdict, Verdict::Survived));
        let seconds = start.elapsed().as_secs();
        println!("{:60} {verdict} ({seconds} s)", mutant.name);
    }
    println!("{caught} of {} caught", chosen.len());
    Ok(ExitCode::from(u8::from(caught * 100 < chosen.len() * 95)))
}

/// What came of a mutant.
enum Verdict {
    /// The first difference.
    Caught(String),
    Survived,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caught(difference) => write!(f, "caught: {difference}"),
            Self::Survived => f.write_str("SURVIVED"),
        }
    }
}

struct Judge {
    copy: PathBuf,
    pairs: String,
    seed: String,
}

impl Judge {
    fn verdict(&self, mutant: &Mutant) -> io::Result<Verdict> {
        let path = self.copy.join(&mutant.file);
        let whole = fs::read_to_string(&path)?;
        fs::write(&path, mutant.apply(&whole))?;
        let verdict = self.whole();
        fs::write(&path, whole)?;
        verdict
    }

    /// By the oracle, then by the passes.
    fn whole(&self) -> io::Result<Verdict> {
        match self.run()? {
            Verdict::Survived => self.passes(),
            caught => Ok(caught),
        }
    }

    /// Lets random functions judge the passes of the copy.
    fn passes(&self) -> io::Result<Verdict> {
        let mut command = self.cargo(&["test", "--quiet", "--lib", "function_means"]);
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let failure = said.lines().find(|line| line.contains("Test failed"));
        match (output.status.success(), failure) {
            (true, None) => Ok(Verdict::Survived),
            (false, Some(line)) => Ok(Verdict::Caught(line.chars().take(100).collect())),
            _ => Err(io::Error::other(
                String::from_utf8_lossy(&output.stderr).into_owned(),
            )),
        }
    }

    /// A command on the copy.
    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO"));
        command.args(arguments).current_dir(&self.copy);
        command.env("CARGO_TARGET_DIR", self.copy.with_file_name("target"));
        // As tests are built.
        command.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
        command
    }

    /// Builds the copy and lets its oracle judge it.
    fn run(&self) -> io::Result<Verdict> {
        let mut command = self.cargo(&["run", "--quiet", "--example", "oracle", "--"]);
        command.args(["--first", "--pairs", &self.pairs, "--seed", &self.seed]);
        let output = command.stderr(Stdio::piped()).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let failure = said.lines().find(|line| line.starts_with("seed "));
        match (output.status.code(), failure) {
            (Some(0), None) => Ok(Verdict::Survived),
            (Some(1), Some(line)) => Ok(Verdict::Caught(line.chars().take(100).collect())),
            _ => Err(io::Error::other(
                String::from_utf8_lossy(&output.stderr).into_owned(),
            )),
        }
    }
}

fn copy_directory(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, target) = (entry.file_name(), to.join(entry.file_name()));
        if SKIPPED.iter().any(|skipped| name == *skipped) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else if fs::read(&target).ok() != Some(fs::read(entry.path())?) {
            // Files that are the same keep their time, and are not built again.
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
