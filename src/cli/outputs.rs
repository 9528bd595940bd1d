//! Pairs of `--format F --output PATH`: several reports of one run.

use std::path::PathBuf;

use clap::builder::EnumValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, ValueHint};

use super::report::Format;

/// Where each report goes; `None` is standard output, at most once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outputs(pub(super) Vec<(Format, Option<PathBuf>)>);

const FORMAT: &str = "format";
const OUTPUT: &str = "output";

impl FromArgMatches for Outputs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let formats = given::<Format>(matches, FORMAT);
        let mut outputs = given::<PathBuf>(matches, OUTPUT).into_iter().peekable();
        let wrong = |text: &str| Error::raw(ErrorKind::ArgumentConflict, format!("{text}\n"));
        let mut pairs: Vec<(Format, Option<PathBuf>)> = Vec::new();
        let first = formats.first().map_or(usize::MAX, |(at, _)| *at);
        if outputs.peek().is_some_and(|(at, _)| *at < first) {
            return Err(wrong(
                "--output needs the --format that it belongs to in front of it",
            ));
        }
        for (number, (_, format)) in formats.iter().enumerate() {
            let next = formats.get(number + 1).map_or(usize::MAX, |(at, _)| *at);
            let path = outputs.next_if(|(at, _)| *at < next).map(|(_, path)| path);
            if outputs.peek().is_some_and(|(at, _)| *at < next) {
                return Err(wrong(
                    "a --format has two --output; give each a --format of its own",
                ));
            }
            pairs.push((*format, path));
        }
        if pairs.iter().filter(|(_, path)| path.is_none()).count() > 1 {
            return Err(wrong(
                "two reports would go to standard output; give all but one an --output",
            ));
        }
        if pairs.is_empty() {
            pairs.push((Format::Human, None));
        }
        Ok(Self(pairs))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Values of an option with their places on the command line.
fn given<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Vec<(usize, T)> {
    let places = matches.indices_of(name).into_iter().flatten();
    let values = matches.get_many::<T>(name).into_iter().flatten();
    places.zip(values.cloned()).collect()
}

impl Args for Outputs {
    fn augment_args(command: Command) -> Command {
        let format = Arg::new(FORMAT)
            .long(FORMAT)
            .action(ArgAction::Append)
            .value_parser(EnumValueParser::<Format>::new())
            .value_name("FORMAT")
            .help("How findings are written; may be given several times, each with an --output [default: human]");
        let output = Arg::new(OUTPUT)
            .long(OUTPUT)
            .short('o')
            .action(ArgAction::Append)
            .value_parser(clap::value_parser!(PathBuf))
            .value_name("PATH")
            .value_hint(ValueHint::FilePath)
            .help("File for the report of the --format in front of it, instead of standard output");
        command.arg(format).arg(output)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &str) -> Result<Vec<(Format, Option<PathBuf>)>, String> {
        let command = Outputs::augment_args(Command::new("x").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments.split_whitespace());
        let outputs = matches.and_then(|matches| Outputs::from_arg_matches(&matches));
        outputs
            .map(|outputs| outputs.0)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn pairs_by_position() {
        let path = |name: &str| Some(PathBuf::from(name));
        assert_eq!(parse(""), Ok(vec![(Format::Human, None)]));
        assert_eq!(
            parse("--format json --output a --format human --format sarif -o b"),
            Ok(vec![
                (Format::Json, path("a")),
                (Format::Human, None),
                (Format::Sarif, path("b"))
            ])
        );
        for wrong in [
            "--output a",
            "--output a --format json",
            "--format json --output a --output b",
            "--format json --format human",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
