//! Jobs: what goes to the guest's init and what comes back. Guest side and formats: `tests/lab/guest/init.c`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A command for the guest.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) argv: Vec<String>,
    pub(crate) timeout: Duration,
}

impl Job {
    pub(crate) fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Job {
        Job {
            argv: argv.into_iter().map(Into::into).collect(),
            timeout: Duration::from_secs(180),
        }
    }
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Exit(i32),
    Signal(i32),
    Timeout,
}

/// What became of a job.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    /// When it ran, by the guest's wall clock.
    pub(crate) start: SystemTime,
    pub(crate) stop: SystemTime,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The job list as init reads it.
pub(crate) fn encode(jobs: &[Job]) -> Result<Vec<u8>, String> {
    let mut out = String::new();
    for (id, job) in jobs.iter().enumerate() {
        if let Some(bad) = job.argv.iter().find(|arg| arg.contains('\n')) {
            return Err(format!("a job's argument holds a line break: {bad:?}"));
        }
        out.push_str(&format!(
            "JOB {id} {} {}\n",
            job.timeout.as_millis(),
            job.argv.len()
        ));
        for arg in &job.argv {
            out.push_str(arg);
            out.push('\n');
        }
    }
    Ok(out.into_bytes())
}

/// The records that have arrived whole, and whether the end mark has.
pub(crate) fn decode(bytes: &[u8]) -> (Vec<Outcome>, bool) {
    let mut outcomes = Vec::new();
    let mut rest = bytes;
    while let Some((line, after)) = split_line(rest) {
        if line == "END" {
            return (outcomes, true);
        }
        rest = after;
        if let Some(parts) = line.strip_prefix("RESULT ") {
            match record(parts, after) {
                Some((outcome, after)) => {
                    outcomes.push(outcome);
                    rest = after;
                }
                None => break,
            }
        }
    }
    (outcomes, false)
}

fn split_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]))
}

fn record<'a>(parts: &str, body: &'a [u8]) -> Option<(Outcome, &'a [u8])> {
    let parts: Vec<&str> = parts.split(' ').collect();
    let [_, kind, value, start, stop, out, err] = parts[..] else {
        return None;
    };
    let value = value.parse().ok()?;
    let end = match kind {
        "exit" => End::Exit(value),
        "signal" => End::Signal(value),
        _ => End::Timeout,
    };
    let (stdout, body) = body.split_at_checked(out.parse().ok()?)?;
    let (stderr, body) = body.split_at_checked(err.parse().ok()?)?;
    let outcome = Outcome {
        end,
        start: UNIX_EPOCH + Duration::from_nanos(start.parse().ok()?),
        stop: UNIX_EPOCH + Duration::from_nanos(stop.parse().ok()?),
        stdout: String::from_utf8_lossy(stdout).into_owned(),
        stderr: String::from_utf8_lossy(stderr).into_owned(),
    };
    Some((outcome, body.get(1..)?))
}
