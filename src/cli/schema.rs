//! `tpc schema`: JSON Schemas, for editors and other tools.

use clap::ValueEnum;

use super::Exit;
use super::explain::done;
use super::lint::print;

/// Print a JSON Schema
///
/// That of policies makes editors complete fields and words, explain them, and mark what is none. It says the same as
/// reading a policy does; what a policy means is for `tpc lint`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tpc schema > tracingpolicy.json
                                  then, at the top of a policy:
                                  # yaml-language-server: $schema=tracingpolicy.json")]
pub(super) struct Args {
    /// What the schema is of
    #[arg(value_enum, default_value = "policy")]
    of: Of,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    /// TracingPolicy and TracingPolicyNamespaced
    Policy,
    /// Reports of `tpc lint --format json`
    Lint,
    /// tpc.toml
    Config,
    /// manifest.json of bundles
    Manifest,
    /// Tests of a policy, *.test.yaml
    Test,
    /// Reports of `tpc test --format json`
    TestReport,
    /// What `tpc kernel-facts --json` writes
    KernelFacts,
}

pub(super) fn run(args: &Args) -> Exit {
    done(print(&match args.of {
        Of::Policy => crate::policy::schema(),
        Of::Lint => crate::diag::render::schema(),
        Of::Config => crate::config::schema(),
        Of::Manifest => manifest(),
        Of::Test => crate::testing::schema(),
        Of::TestReport => crate::testing::report_schema(),
        Of::KernelFacts => crate::facts::schema(),
    }))
}

fn manifest() -> String {
    let schema = schemars::schema_for!(crate::bundle::Manifest);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    text.push('\n');
    text
}
