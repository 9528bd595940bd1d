//! What only a node can answer.
//!
//! A policy of the language still names things that a kernel, a file or an agent has or lacks: functions, tracepoints,
//! members of structures, symbols, features. Every such thing is a [`Question`] with its place; a stage that knows a
//! kernel (or all that matter) answers them and says what is missing. Nothing is answered here.
//!
//! In: a judged policy. Out: its questions, in the order of its hooks; the same thing may be asked at several places.

mod hooks;
mod values;

use std::borrow::Cow;

use super::form::Judged;
use super::language::resolve::Step;
use super::registers::Machine;
use crate::diag::Span;

/// Something that a node must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    pub about: About<'a>,
    /// What asks for it.
    pub span: Span,
    /// Without it the hook is left out, and the policy still loads (`ignore`).
    pub optional: bool,
}

/// What a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About<'a> {
    /// A function of the kernel. System calls have their portable name, `sys_openat`, to which every machine's kernel
    /// adds its prefix, or the name with the prefix of one machine.
    Function(Cow<'a, str>),
    /// Functions whose name matches a regular expression of Go.
    Functions(&'a str),
    /// The number of a system call, by its name without `sys_`.
    SystemCall(&'a str),
    /// A processor of this kind.
    Machine(Machine),
    /// A member, and whether its type must be one that can be read, for the policy does not say.
    Member {
        of: Root<'a>,
        path: Vec<Step<'a>>,
        gives_type: bool,
    },
    Tracepoint {
        subsystem: &'a str,
        event: &'a str,
        raw: bool,
    },
    /// A field of a tracepoint, and whether its type must be one that can be read, for the policy does not say.
    Field {
        event: &'a str,
        index: u32,
        gives_type: bool,
    },
    /// A hook of the kernel's security decisions.
    SecurityHook(&'a str),
    /// A program or library.
    Program(&'a str),
    /// A place in a program.
    Place { program: &'a str, place: Place<'a> },
    /// A static probe of a program.
    Probe {
        program: &'a str,
        provider: &'a str,
        name: &'a str,
    },
    /// An argument of a static probe, and whether it can be written to.
    ProbeArgument {
        program: &'a str,
        name: &'a str,
        index: u32,
        written: bool,
    },
    /// A program with one of the digests of its hook.
    Digest { program: &'a str },
    /// Something that the kernel or the agent can do.
    Feature(Feature),
}

/// Where a path to a member begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root<'a> {
    /// A parameter of a function, by its number from 0.
    Parameter { function: &'a str, index: u32 },
    /// An argument of a raw tracepoint.
    Argument { event: &'a str, index: u32 },
    /// A parameter of a security hook.
    HookParameter { hook: &'a str, index: u32 },
    /// `struct task_struct`.
    Task,
    /// A structure of the kernel or of a module.
    Structure {
        name: &'a str,
        module: Option<&'a str>,
    },
    /// A structure of a program, whose types are in a file.
    OfProgram { types: &'a str, name: &'a str },
}

/// How a place in a program is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    Symbol(&'a str),
    Address(u64),
    Offset(u64),
}

/// What a kernel or an agent can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// `bpf_override_return`.
    Override,
    /// `fmod_ret` programs on security decisions.
    ModifyReturn,
    /// Programs on security hooks.
    SecurityPrograms,
    /// Registers of a user program can be written.
    UserRegisters,
    /// `bpf_copy_from_user_str`.
    UserStrings,
    /// `bpf_strnstr`.
    SubString,
    /// `bpf_strncasestr`.
    SubStringIgnCase,
    /// Functions beside tail calls.
    Expressions,
    /// Digests of files by IMA.
    FileDigests,
    /// Build ids of mapped files.
    MappedFiles,
    /// The agent keeps the binaries of parents (`--parents-map-enabled`).
    ParentBinaries,
    /// The agent knows pods and containers.
    Workloads,
}

/// Every question of a policy.
pub fn questions<'a>(judged: &Judged<'a>) -> Vec<Question<'a>> {
    let mut asked = Asked {
        questions: Vec::new(),
        optional: false,
    };
    hooks::policy(judged.policy, &mut asked);
    for hook in &judged.hooks {
        asked.optional = hooks::is_optional(hook);
        hooks::one(judged.policy, hook, &mut asked);
        values::of_hook(hook, &mut asked);
        for selector in &hook.selectors {
            values::of_selector(judged.policy, hook, selector, &mut asked);
        }
        asked.optional = false;
    }
    asked.questions
}

struct Asked<'a> {
    questions: Vec<Question<'a>>,
    /// Of the hook that is looked at.
    optional: bool,
}

impl<'a> Asked<'a> {
    fn ask(&mut self, about: About<'a>, span: Span) {
        let question = Question {
            about,
            span,
            optional: self.optional,
        };
        if self.questions.last() != Some(&question) {
            self.questions.push(question);
        }
    }

    fn feature(&mut self, feature: Feature, span: Span) {
        self.ask(About::Feature(feature), span);
    }
}

/// A text, if it is not empty.
fn text(text: &Option<crate::diag::Spanned<String>>) -> Option<&str> {
    let text = text.as_ref().map(|text| text.value.as_str());
    text.filter(|text| !text.is_empty())
}
