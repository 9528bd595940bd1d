//! What tracepoints, uprobes, usdts and lsmhooks are attached to, as far as the text decides it.
//!
//! Source: `preValidateTracepoint`, `validateUprobeSpec`, `parseSymbol`, `verifyFileDigest` and `preValidateLsm` in
//! `pkg/sensors/tracing`.

use crate::check::{numbers, refuse, shown};
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::policy::{LsmHook, Tracepoint, Uprobe, Usdt, is_set, nearest};

pub(super) fn tracepoint(tracepoint: &Tracepoint, sink: &mut Sink) {
    let raw = is_set(tracepoint.raw);
    for (name, what) in [
        (&tracepoint.subsystem, "subsystem"),
        (&tracepoint.event, "event"),
    ] {
        // Raw tracepoints are found by their event alone, when they are attached.
        if name.value.is_empty() || !raw && !is_identifier(&name.value) {
            let message = match name.value.as_str() {
                "" => format!("the `{what}` of the tracepoint is empty"),
                text => format!("`{}` cannot be the `{what}` of a tracepoint", shown(text)),
            };
            refuse(
                sink,
                code::BAD_PLACE,
                name.span,
                message,
                tracepoint_help(&name.value, what),
            );
        }
    }
}

fn tracepoint_help(name: &str, what: &str) -> String {
    let parts = name.split_once(['/', ':']);
    match parts.filter(|(subsystem, event)| is_identifier(subsystem) && is_identifier(event)) {
        Some((subsystem, event)) => {
            format!("write `subsystem: {subsystem}` and `event: {event}`")
        }
        None if is_identifier(name.trim()) => format!("write `{what}: {}`", name.trim()),
        None => "write a directory below /sys/kernel/tracing/events, such as `subsystem: sched` and `event: sched_switch`".to_owned(),
    }
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

pub(super) fn uprobe(uprobe: &Uprobe, sink: &mut Sink) {
    path(&uprobe.path, sink);
    addressing(uprobe, sink);
    for symbol in &uprobe.symbols {
        if let Err(why) = offset_of(&symbol.value) {
            let message = format!(
                "`{}` is no function with an offset: {why}",
                shown(&symbol.value)
            );
            let help = "write a symbol, or a symbol and a number: `readline+0x10`";
            refuse(sink, code::BAD_PLACE, symbol.span, message, help);
        }
    }
    counts(uprobe, sink);
    digests(uprobe, sink);
}

/// The program must be a file.
fn path(path: &Spanned<String>, sink: &mut Sink) {
    let why = match path.value.as_str() {
        "" => "the path of the program is empty",
        text if text.contains('\0') => "the path of the program has a NUL in it",
        text if text.ends_with('/') => "the path of the program is that of a directory",
        text if is_too_long(text) => "the path of the program is longer than paths can be",
        _ => return,
    };
    refuse(
        sink,
        code::BAD_PLACE,
        path.span,
        why,
        "write the path of a program or library",
    );
}

/// Beyond PATH_MAX or NAME_MAX (include/uapi/linux/limits.h).
fn is_too_long(path: &str) -> bool {
    path.len() >= 4096 || path.split('/').any(|component| component.len() > 255)
}

/// One way to name the places in the program, and only one.
fn addressing(uprobe: &Uprobe, sink: &mut Sink) {
    let ways = [
        (uprobe.symbols.first().map(|one| one.span), "symbols"),
        (uprobe.offsets.first().map(|one| one.span), "offsets"),
        (uprobe.addrs.first().map(|one| one.span), "addrs"),
    ];
    let mut given = ways
        .iter()
        .filter_map(|(span, name)| Some(((*span)?, *name)));
    match (given.next(), given.next()) {
        (Some(_), None) => {}
        (Some((first, name)), Some((second, other))) => {
            let message = format!("a uprobe has either `{name}` or `{other}`");
            let error = Diagnostic::error(code::BAD_PLACE, message).at(second);
            let help = "write two entries under `uprobes`, one for each";
            sink.push(error.related(first, "the first").help(help));
        }
        (None, _) => {
            let message = "the uprobe does not say where in the program";
            let help = "add `symbols:` with the names of functions";
            refuse(sink, code::BAD_PLACE, uprobe.path.span, message, help);
        }
    }
}

/// The offset behind a symbol: `name+0x10`.
pub(in crate::check) fn offset_of(symbol: &str) -> Result<u64, &'static str> {
    let Some((_, offset)) = symbol.split_once('+') else {
        return Ok(0);
    };
    match offset.contains('+') {
        true => Err("it has two `+`"),
        false => numbers::unsigned(offset).ok_or("the offset is no number"),
    }
}

/// `refCtrOffsets` has an offset for each place.
fn counts(uprobe: &Uprobe, sink: &mut Sink) {
    let counters = &uprobe.ref_ctr_offsets;
    let Some(first) = counters.first() else {
        return;
    };
    let wrong = |places: usize| places != 0 && places != counters.len();
    let (places, what) = if wrong(uprobe.symbols.len()) {
        (uprobe.symbols.len(), "symbols")
    } else if wrong(uprobe.offsets.len()) {
        (uprobe.offsets.len(), "offsets")
    } else if uprobe.addrs.len() > counters.len() {
        (uprobe.addrs.len(), "addrs")
    } else {
        return;
    };
    let span = counters.last().map_or(first.span, |last| last.span);
    let message = format!(
        "`refCtrOffsets` has {} offsets for the {places} of `{what}`",
        counters.len()
    );
    let help = format!("write an offset for each entry of `{what}`, 0 where there is no counter");
    refuse(sink, code::BAD_PLACE, span, message, help);
}

/// Names of digests, with the characters of their hexadecimal form.
const DIGESTS: &[(&str, Option<usize>)] = &[
    ("sha1", Some(40)),
    ("sha256", Some(64)),
    ("sha384", Some(96)),
    ("sha512", Some(128)),
    ("build-id", None),
];

/// Digests that are none, and those that no file has. One that a file can have is enough.
fn digests(uprobe: &Uprobe, sink: &mut Sink) {
    let mut hopeless = Vec::new();
    for digest in &uprobe.binary_digests {
        match is_of_a_file(&digest.value) {
            Ok(true) => {}
            Ok(false) => hopeless.push(digest.span),
            Err((why, help)) => {
                let message = format!("`{}` is no digest: {why}", shown(&digest.value));
                refuse(sink, code::BAD_VALUE, digest.span, message, help);
            }
        }
    }
    let ignored = uprobe
        .ignore
        .as_ref()
        .map(|ignore| ignore.digest_verification_failure);
    if hopeless.len() == uprobe.binary_digests.len() && !ignored.is_some_and(is_set) {
        for span in hopeless {
            no_file(span, sink);
        }
    }
}

fn no_file(span: Span, sink: &mut Sink) {
    let message = "no file has this digest: it is not hexadecimal, or of another length";
    let help = "write what `sha256sum FILE` prints: `sha256:` and 64 hexadecimal digits";
    refuse(sink, code::BAD_VALUE, span, message, help);
}

/// Whether a file can have a digest, or why it is none.
fn is_of_a_file(text: &str) -> Result<bool, (&'static str, String)> {
    if text.is_empty() {
        // Tetragon takes it for one that matches.
        return Ok(true);
    }
    let form = || "write the algorithm and the digest: `sha256:0123…`".to_owned();
    let Some((algorithm, digits)) = text.trim().split_once(':') else {
        return Err(("it has no `:`", form()));
    };
    let (algorithm, digits) = (algorithm.trim().to_ascii_lowercase(), digits.trim());
    if algorithm.is_empty() || digits.is_empty() {
        return Err(("a part of it is empty", form()));
    }
    let names: Vec<&str> = DIGESTS.iter().map(|(name, _)| *name).collect();
    let Some((_, length)) = DIGESTS.iter().find(|(name, _)| *name == algorithm) else {
        let help = match nearest(&algorithm, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write one of {}", names.join(", ")),
        };
        return Err(("there is no such algorithm", help));
    };
    let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    Ok(hexadecimal && length.is_none_or(|length| length == digits.len()))
}

pub(super) fn usdt(usdt: &Usdt, sink: &mut Sink) {
    path(&usdt.path, sink);
    for (name, what) in [(&usdt.provider, "provider"), (&usdt.name, "name")] {
        if name.value.is_empty() {
            let message = format!("the `{what}` of the probe is empty");
            let help = "write what `readelf -n FILE` shows under stapsdt";
            refuse(sink, code::BAD_PLACE, name.span, message, help);
        }
    }
}

pub(super) fn lsm_hook(hook: &LsmHook, sink: &mut Sink) {
    let name = hook.hook.value.as_str();
    let bare = ["bpf_lsm_", "security_"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix));
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if bare.is_none() && !name.is_empty() && name.chars().all(lower) {
        return;
    }
    let message = match name {
        "" => "the name of the hook is empty".to_owned(),
        _ => format!("`{}` cannot be the name of a hook", shown(name)),
    };
    let better = bare.unwrap_or(name).trim().to_ascii_lowercase();
    let help = match !better.is_empty() && better.chars().all(lower) {
        true => format!("write `{better}`"),
        false => "write a hook of include/linux/lsm_hook_defs.h, such as `file_open`".to_owned(),
    };
    refuse(sink, code::BAD_PLACE, hook.hook.span, message, help);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_behind_symbols() {
        assert_eq!(offset_of("f"), Ok(0));
        assert_eq!(offset_of("f+0x10"), Ok(16));
        assert_eq!(offset_of("+4"), Ok(4));
        for bad in ["f+", "f+zz", "f+1+2", "f+-1"] {
            assert!(offset_of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn digests_of_files() {
        let sha1 = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(is_of_a_file(&format!(" SHA1 : {sha1}")), Ok(true));
        assert_eq!(is_of_a_file("build-id:abcd"), Ok(true));
        assert_eq!(is_of_a_file(""), Ok(true));
        assert_eq!(is_of_a_file("sha256:abc"), Ok(false));
        assert_eq!(is_of_a_file("build-id:xyz"), Ok(false));
        for bad in ["garbage", "md5:00", ":00", "sha256:", "build_id:00"] {
            assert!(is_of_a_file(bad).is_err(), "{bad}");
        }
    }
}
