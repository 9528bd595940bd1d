//! Programs of the guest: system calls one after the other.
//!
//! In: calls with their parameters, and where their results go. Out: x86-64 machine code, as a static ELF program ([`Program::elf`]) or as a flat
//! image for a fixed address ([`Program::image`]). The guest so needs no libc, and this machine no C compiler.
//!
//! There is no arithmetic and no loop: what would be a loop is unrolled by who writes the program. Holds: instructions use `rax` and the
//! registers of parameters alone; every address is below 2 GiB, so that 32 bits reach it.

/// A parameter of a system call, or a value to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Number(u64),
    /// The address of these bytes.
    Bytes(Vec<u8>),
    /// The address of a list of addresses: of these texts, and a null.
    Texts(Vec<Vec<u8>>),
    /// The 64 bits that lie at an address.
    At(u32),
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl Value {
    /// A text with a NUL behind it.
    pub fn text(text: impl AsRef<[u8]>) -> Self {
        let mut bytes = text.as_ref().to_vec();
        bytes.push(0);
        Self::Bytes(bytes)
    }
}

/// A place in the code that a jump leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// A program under construction.
#[derive(Clone, Debug)]
pub struct Program {
    /// Address of the first instruction.
    base: u32,
    code: Vec<u8>,
    data: Vec<u8>,
    /// Places in the code of 64-bit addresses, and where in the data they lead.
    addresses: Vec<(usize, usize)>,
    /// The same within the data.
    pointers: Vec<(usize, usize)>,
    labels: Vec<Option<usize>>,
    /// Places in the code of 32-bit distances, and their labels.
    jumps: Vec<(usize, Label)>,
}

/// `mov r64, imm64` for `rdi`, `rsi`, `rdx`, `r10`, `r8`, `r9`: the registers of a call's parameters.
const MOV_NUMBER: [[u8; 2]; 6] = [
    [0x48, 0xbf],
    [0x48, 0xbe],
    [0x48, 0xba],
    [0x49, 0xba],
    [0x49, 0xb8],
    [0x49, 0xb9],
];
/// `mov r64, [disp32]` for the same.
const MOV_FROM: [[u8; 4]; 6] = [
    [0x48, 0x8b, 0x3c, 0x25],
    [0x48, 0x8b, 0x34, 0x25],
    [0x48, 0x8b, 0x14, 0x25],
    [0x4c, 0x8b, 0x14, 0x25],
    [0x4c, 0x8b, 0x04, 0x25],
    [0x4c, 0x8b, 0x0c, 0x25],
];

impl Program {
    /// A program that will lie at an address, a multiple of the page size.
    pub fn at(base: u32) -> Self {
        Self {
            base,
            code: Vec::new(),
            data: Vec::new(),
            addresses: Vec::new(),
            pointers: Vec::new(),
            labels: Vec::new(),
            jumps: Vec::new(),
        }
    }

    /// A system call; its result is in `rax`.
    pub fn call(&mut self, number: u32, parameters: &[Value]) {
        assert!(
            parameters.len() <= MOV_NUMBER.len(),
            "calls have six parameters"
        );
        for (register, value) in parameters.iter().enumerate() {
            match value {
                Value::At(address) => {
                    self.code.extend(MOV_FROM[register]);
                    self.code.extend(address.to_le_bytes());
                }
                Value::Number(number) => {
                    self.code.extend(MOV_NUMBER[register]);
                    self.code.extend(number.to_le_bytes());
                }
                Value::Bytes(bytes) => {
                    let at = self.datum(bytes);
                    self.address(register, at);
                }
                Value::Texts(texts) => {
                    let at = self.list(texts);
                    self.address(register, at);
                }
            }
        }
        // mov eax, imm32; syscall
        self.code.push(0xb8);
        self.code.extend(number.to_le_bytes());
        self.code.extend([0x0f, 0x05]);
    }

    /// Stores the result of the last call.
    pub fn store(&mut self, address: u32) {
        // mov [disp32], rax
        self.code.extend([0x48, 0x89, 0x04, 0x25]);
        self.code.extend(address.to_le_bytes());
    }

    /// Stores a number; of its 64 bits the upper half is zero.
    pub fn set(&mut self, address: u32, number: u16) {
        // mov qword [disp32], imm32
        self.code.extend([0x48, 0xc7, 0x04, 0x25]);
        self.code.extend(address.to_le_bytes());
        self.code.extend(u32::from(number).to_le_bytes());
    }

    /// A new place to jump to, which [`place`](Self::place) puts somewhere.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// The label is here.
    pub fn place(&mut self, label: Label) {
        self.labels[label.0] = Some(self.code.len());
    }

    /// Jumps in any case.
    pub fn jump(&mut self, to: Label) {
        // jmp rel32
        self.code.push(0xe9);
        self.distance(to);
    }

    /// Jumps if the last call returned zero: in a child, after a fork.
    pub fn jump_if_zero(&mut self, to: Label) {
        // test rax, rax; jz rel32
        self.code.extend([0x48, 0x85, 0xc0, 0x0f, 0x84]);
        self.distance(to);
    }

    /// Jumps if the last call failed.
    pub fn jump_if_failed(&mut self, to: Label) {
        // test rax, rax; js rel32
        self.code.extend([0x48, 0x85, 0xc0, 0x0f, 0x88]);
        self.distance(to);
    }

    /// Jumps if what lies at an address is not zero.
    pub fn jump_if_set(&mut self, address: u32, to: Label) {
        // cmp qword [disp32], 0; jnz rel32
        self.code.extend([0x48, 0x83, 0x3c, 0x25]);
        self.code.extend(address.to_le_bytes());
        self.code.extend([0, 0x0f, 0x85]);
        self.distance(to);
    }

    /// Jumps to code at an address, which lies in no program of ours.
    pub fn leave(&mut self, address: u32) {
        // mov eax, imm32; jmp rax
        self.code.push(0xb8);
        self.code.extend(address.to_le_bytes());
        self.code.extend([0xff, 0xe0]);
    }

    fn distance(&mut self, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.code.extend([0; 4]);
    }

    fn address(&mut self, register: usize, at: usize) {
        self.code.extend(MOV_NUMBER[register]);
        self.addresses.push((self.code.len(), at));
        self.code.extend([0; 8]);
    }

    fn datum(&mut self, bytes: &[u8]) -> usize {
        let at = self.data.len().next_multiple_of(8);
        self.data.resize(at, 0);
        self.data.extend(bytes);
        at
    }

    fn list(&mut self, texts: &[Vec<u8>]) -> usize {
        let texts: Vec<usize> = texts
            .iter()
            .map(|text| self.datum(&[text.as_slice(), &[0]].concat()))
            .collect();
        let list = self.datum(&vec![0; 8 * (texts.len() + 1)]);
        let pointers = texts.into_iter().enumerate();
        self.pointers
            .extend(pointers.map(|(number, text)| (list + 8 * number, text)));
        list
    }

    /// The bytes of code and data, as they lie from the program's address on.
    pub fn image(&self) -> Vec<u8> {
        let mut code = self.code.clone();
        for (at, label) in &self.jumps {
            let to = self.labels[label.0].expect("every label is placed");
            let distance = to as i32 - (*at as i32 + 4);
            code[*at..at + 4].copy_from_slice(&distance.to_le_bytes());
        }
        let data = code.len().next_multiple_of(16);
        let address = |of: usize| (u64::from(self.base) + (data + of) as u64).to_le_bytes();
        for (at, of) in &self.addresses {
            code[*at..at + 8].copy_from_slice(&address(*of));
        }
        let mut own = self.data.clone();
        for (at, of) in &self.pointers {
            own[*at..at + 8].copy_from_slice(&address(*of));
        }
        code.resize(data, 0);
        code.extend(own);
        code
    }

    /// The program as a static executable of one segment (System V ABI, "ELF header" and "Program header").
    pub fn elf(&self) -> Vec<u8> {
        let image = self.image();
        let (base, size) = (u64::from(self.base), image.len() as u64);
        let mut out = b"\x7fELF\x02\x01\x01".to_vec();
        out.resize(16, 0);
        // Executable, x86-64, version 1.
        out.extend([2, 0, 62, 0, 1, 0, 0, 0]);
        // Entry, program headers, no section headers.
        out.extend([base, 64, 0].map(u64::to_le_bytes).as_flattened());
        // No flags; sizes of the header and of the one program header.
        out.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        // To load; may be read, written and run.
        out.extend([1, 0, 0, 0, 7, 0, 0, 0]);
        let fields = [PAGE as u64, base, base, size, size, PAGE as u64];
        out.extend(fields.map(u64::to_le_bytes).as_flattened());
        out.resize(PAGE, 0);
        out.extend(image);
        out
    }
}

const PAGE: usize = 4096;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::*;

    const WRITE: u32 = 1;
    const GETPID: u32 = 39;
    const FORK: u32 = 57;
    const EXECVE: u32 = 59;
    const EXIT: u32 = 60;
    const WAIT4: u32 = 61;
    const MMAP: u32 = 9;
    const ROOM: u32 = 0x2000_0000;

    /// A child says one thing and becomes another program; its parent waits, and ends with what a stored number decides.
    #[test]
    fn programs_run() {
        let mut program = Program::at(0x40_0000);
        let n = Value::Number;
        let (child, failed, fine) = (program.label(), program.label(), program.label());
        let anonymous = [n(ROOM.into()), n(4096), n(3), n(0x32), n(u64::MAX), n(0)];
        program.call(MMAP, &anonymous);
        program.jump_if_failed(failed);
        program.call(FORK, &[]);
        program.jump_if_zero(child);
        program.store(ROOM);
        program.call(WAIT4, &[Value::At(ROOM), n((ROOM + 8).into()), n(0), n(0)]);
        program.call(GETPID, &[]);
        program.set(ROOM + 16, 7);
        program.jump_if_set(ROOM + 8, failed);
        program.jump_if_set(ROOM + 16, fine);
        program.place(failed);
        program.call(EXIT, &[n(1)]);
        program.place(fine);
        program.call(EXIT, &[Value::At(ROOM + 16)]);
        program.place(child);
        program.call(WRITE, &[n(1), Value::Bytes(b"one\n".to_vec()), n(4)]);
        let words: Vec<Vec<u8>> = ["echo", "two", "three"].map(Into::into).into();
        program.call(
            EXECVE,
            &[Value::text("/bin/echo"), Value::Texts(words), n(0)],
        );
        program.call(EXIT, &[n(2)]);

        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("program");
        fs::write(&path, program.elf()).expect("it is written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is a program");
        let output = Command::new(&path).output().expect("it runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "one\ntwo three\n");
        assert_eq!(output.status.code(), Some(7), "{output:?}");
    }
}
