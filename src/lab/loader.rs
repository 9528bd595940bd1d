//! Programs of this machine for the guest, with the shared libraries that they need.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::elf::FileHeader64;
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf};

use super::cpio::Archive;
use super::{Error, read, run};

/// Puts a program at a path of the guest, and its libraries where they are here.
///
/// # Errors
/// The program is none of x86-64 Linux, or a library is missing.
pub fn add(archive: &mut Archive, path: &str, program: &Path) -> Result<(), Error> {
    let bytes = read(program)?;
    if let Some(interpreter) = interpreter(&bytes)
        .map_err(|error| Error::new(format!("{}: {error}", program.display())))?
    {
        for library in libraries(&interpreter, program)? {
            archive.file(&library.to_string_lossy(), 0o755, read(&library)?);
        }
        let interpreter = Path::new(OsStr::from_bytes(&interpreter));
        archive.file(&interpreter.to_string_lossy(), 0o755, read(interpreter)?);
    }
    archive.file(path, 0o755, bytes);
    Ok(())
}

/// The dynamic linker that a program names; a static one names none.
fn interpreter(bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let text = |error: object::read::Error| error.to_string();
    let header = FileHeader64::<Endianness>::parse(bytes).map_err(text)?;
    let endian = header.endian().map_err(text)?;
    if header.e_machine(endian) != elf::EM_X86_64 {
        return Err("it is no program for x86-64".to_owned());
    }
    for segment in header.program_headers(endian, bytes).map_err(text)? {
        if let Some(path) = segment.interpreter(endian, bytes).map_err(text)? {
            return Ok(Some(path.to_vec()));
        }
    }
    Ok(None)
}

/// What the dynamic linker would load: lines are "name => /path (address)" or "/path (address)"; the vdso has no path.
fn libraries(interpreter: &[u8], program: &Path) -> Result<Vec<PathBuf>, Error> {
    let output = run(Command::new(OsStr::from_bytes(interpreter))
        .arg("--list")
        .arg(program))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let paths = text.split_whitespace().filter(|word| word.starts_with('/'));
    Ok(paths.map(PathBuf::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of this machine, which is linked as it may be, and a text.
    #[test]
    fn libraries_come_with_a_program() {
        let mut archive = Archive::default();
        let own = std::env::current_exe().expect("a path");
        add(&mut archive, "/bin/test", &own).expect("it is a program");
        let packed = super::super::cpio::join(&[&archive]);
        let dynamic = interpreter(&std::fs::read(&own).expect("it is read")).expect("ELF");
        let holds = |text: &[u8]| packed.windows(text.len()).any(|part| part == text);
        assert!(holds(b"bin/test"));
        assert_eq!(holds(b"libc.so.6"), dynamic.is_some());
        let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(add(&mut archive, "/bin/x", &text).is_err());
    }
}
