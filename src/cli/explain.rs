//! `tpc explain`: what a code means, or what a policy does. `tpc rules`: every lint rule.

use std::path::PathBuf;

use clap::{ValueEnum, ValueHint};
use serde::Serialize;

use super::lint::print;
use super::report::{Color, Format, say};
use super::{Exit, input};
use crate::diag::render::Report;
use crate::diag::{Code, Sink, Sources, code};
use crate::lint::{RULES, Rule, explain};
use crate::plain;
use crate::policy::nearest;

/// Explain a code of a diagnostic, or what a policy does
///
/// Pages of codes are part of the program. A policy is told in plain words: on which call, for whom, on what condition,
/// what happens, and whether that prevents the call, kills after it, or observes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tpc explain TPC2201
  tpc explain symlink-path
  tpc explain policies/egress.yaml

Exit status: 0 explained, 1 a policy has errors, 2 no such code or file.")]
pub(super) struct Explain {
    /// Codes, such as TPC2201, or names, such as symlink-path; or policy files, directories, or - for standard input
    #[arg(required = true, value_name = "CODE|NAME|FILE", value_hint = ValueHint::FilePath)]
    what: Vec<String>,
    /// How the pages are written
    #[arg(long, value_enum, default_value = "markdown")]
    format: PageFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PageFormat {
    /// Text to read
    Markdown,
    /// A list of objects
    Json,
}

/// List the lint rules
#[derive(Debug, clap::Args)]
pub(super) struct Rules {
    /// How the rules are written
    #[arg(long, value_enum, default_value = "human")]
    format: ListFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    /// A line for each rule
    Human,
    /// A list of objects, with the pages
    Json,
    /// All pages in one document
    Markdown,
}

/// A code with its page.
#[derive(Serialize)]
struct Page {
    code: String,
    name: String,
    title: String,
    group: String,
    /// Of lint rules.
    level: Option<&'static str>,
    page: String,
}

impl Page {
    fn of(code: Code) -> Self {
        let about = explain::about(code);
        let rule = crate::lint::by_code(code);
        Self {
            code: code.to_string(),
            name: about.name.into_owned(),
            title: about.title.into_owned(),
            group: about.tags.join(" "),
            level: rule.map(|rule| rule.level.name()),
            page: about.page,
        }
    }
}

pub(super) fn explain(args: &Explain, color: Color) -> Exit {
    let (mut codes, mut files) = (Vec::new(), Vec::new());
    for text in &args.what {
        let path = PathBuf::from(text);
        match explain::find(text) {
            Some(code) => codes.push(code),
            None if text == "-" || path.exists() => files.push(path),
            None => {
                say(&format!(
                    "tpc: there is no code or file `{text}`{}\n",
                    near(text)
                ));
                return Exit::Failure;
            }
        }
    }
    let mut pages: Vec<String> = Vec::new();
    match args.format {
        PageFormat::Markdown => pages.extend(codes.iter().map(|code| explain::about(*code).page)),
        PageFormat::Json if files.is_empty() => {
            let all: Vec<Page> = codes.into_iter().map(Page::of).collect();
            return done(print(&json(&all)));
        }
        PageFormat::Json => {
            say("tpc: policies are explained in Markdown only\n");
            return Exit::Failure;
        }
    }
    let told = if files.is_empty() {
        Exit::Clean
    } else {
        policies(&files, &mut pages, color)
    };
    match done(print(&pages.join("\n"))) {
        Exit::Clean => told,
        failure => failure,
    }
}

/// Appends what the policies of some files do; what is wrong with them goes to standard error.
fn policies(files: &[PathBuf], pages: &mut Vec<String>, color: Color) -> Exit {
    let (mut sources, mut sink) = (Sources::new(), Sink::new());
    let policies = match input::read(files, &mut sources, &mut sink) {
        Ok(policies) => policies,
        Err(diagnostic) => {
            sink.push(*diagnostic);
            Vec::new()
        }
    };
    for policy in &policies {
        let mut own = Sink::new();
        let judged = crate::check::language(policy, &mut own);
        if !(own.has_errors() || policy.spec_incomplete) {
            pages.push(plain::describe(&judged));
        }
        sink.append(own);
    }
    let failed = sink.has_errors();
    let all = sink.into_sorted();
    if failed {
        let report = Report::new(&all, &sources);
        say(&Format::Human.render(&report, color.applies(&std::io::stderr())));
    }
    let unread = all
        .iter()
        .any(|one| matches!(one.code, code::UNREADABLE | code::NO_POLICY));
    match (failed, unread) {
        (false, _) => Exit::Clean,
        (true, false) => Exit::Findings,
        (true, true) => Exit::Failure,
    }
}

fn near(text: &str) -> String {
    let names: Vec<String> = explain::codes()
        .into_iter()
        .map(|code| explain::about(code).name.into_owned())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match nearest(text, &names) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => "; `tpc rules` lists those of the linter".to_owned(),
    }
}

pub(super) fn rules(args: &Rules) -> Exit {
    let all = || RULES.iter().map(|rule| Page::of(rule.code));
    done(print(&match args.format {
        ListFormat::Human => RULES.iter().map(|rule| line(rule)).collect(),
        ListFormat::Json => json(&all().collect::<Vec<_>>()),
        ListFormat::Markdown => document(),
    }))
}

fn line(rule: &Rule) -> String {
    let (code, level, group, name) = (rule.code, rule.level.name(), rule.group.name(), rule.name);
    format!(
        "{code}  {level:7}  {group:12}  {name:28}  {}\n",
        rule.docs.summary
    )
}

/// Every page, one below the other.
fn document() -> String {
    let mut out = String::from("# Lint rules\n\nWritten by `tpc rules --format markdown`.\n\n");
    out.push_str("| code | name | group | level | finds |\n|---|---|---|---|---|\n");
    for rule in RULES {
        let (code, name, group) = (rule.code, rule.name, rule.group);
        let row = format!("{} | {} |\n", rule.level.name(), rule.docs.summary);
        out.push_str(&format!("| {code} | `{name}` | {group} | {row}"));
    }
    for rule in RULES {
        let page = explain::about(rule.code).page;
        out.push('\n');
        // One level deeper than a page of its own; `#` in the examples begins comments, not titles.
        let mut within = false;
        for text in page.lines() {
            within ^= text.starts_with("```");
            let title = !within && text.starts_with('#');
            out.push_str(if title { "#" } else { "" });
            out.push_str(text);
            out.push('\n');
        }
    }
    out
}

fn json(pages: &[Page]) -> String {
    let mut text = serde_json::to_string_pretty(pages).expect("pages are JSON");
    text.push('\n');
    text
}

pub(super) fn done(written: Result<(), String>) -> Exit {
    match written {
        Ok(()) => Exit::Clean,
        Err(message) => {
            say(&format!("tpc: {message}\n"));
            Exit::Failure
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::Example;

    #[test]
    fn examples_stand_in_their_pages() {
        for rule in RULES {
            let page = explain::about(rule.code).page;
            assert!(
                page.contains(&Example::new(rule.docs.bad).text),
                "{}",
                rule.name
            );
        }
    }
}
