//! What the codes of reading, checking, compiling and loading mean, and what to do about them.
//!
//! Lint rules explain themselves: theirs is in their files.

use super::Code;

/// Explanation of a code.
#[derive(Debug)]
pub struct Page {
    pub code: Code,
    /// In Markdown, whole sentences.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// The page of a code; every code of [`code::TABLE`](super::code::TABLE) has one.
pub fn page(code: Code) -> Option<&'static Page> {
    let row = PAGES.binary_search_by_key(&code, |page| page.code);
    row.ok().and_then(|row| PAGES.get(row))
}

macro_rules! pages {
    ($($number:literal $meaning:literal $remedy:literal;)*) => {
        /// Every page, sorted by code.
        pub static PAGES: &[Page] = &[
            $(Page { code: Code($number), meaning: $meaning, remedy: $remedy },)*
        ];
    };
}

pages! {
    1
    "A file or directory that was named does not exist, or may not be read."
    "Correct the name, or the permissions of the file.";
    2
    "YAML is Unicode text. The file holds bytes that are not UTF-8, UTF-16 without a byte order mark, or control \
     characters that YAML does not allow."
    "Save the file as UTF-8. Write a control character as an escape in double quotes: `\"\\0\"`.";
    3
    "The text does not follow the syntax of YAML, so nothing of its document can be read. Other documents of the file \
     are still judged."
    "Correct the place that is shown. Often the cause is in the line before: a missing quote, a tab, a `:` in a text.";
    4
    "A mapping has a key twice, by itself or through a merge (`<<`). Parsers differ in which one they take; Kubernetes \
     refuses the object."
    "Remove one of the two.";
    5
    "The text is YAML that cannot become a Kubernetes object: keys that are no text, binary values, aliases of the \
     value they stand in."
    "Write plain mappings, lists and texts.";
    6
    "The file is the template of a policy: `{{ … }}` of Helm, or `${NAME}` of envsubst. Its values are not known yet."
    "Render the file first and judge the result: `helm template CHART | tpc lint -`.";
    7
    "Files are read up to 4 MiB, 200 levels of nesting and half a million values; aliases count as often as they are \
     used. Kubernetes refuses objects long before that."
    "Split the file; write the values out instead of nesting aliases.";
    8
    "No document of the input is a `TracingPolicy` or `TracingPolicyNamespaced`."
    "Name a file with a policy, or a directory with files named `*.yaml` or `*.yml`.";
    9
    "The file has documents of other kinds besides policies, such as a ConfigMap. They are left alone."
    "Nothing. It is said so that a misspelt kind does not go unnoticed.";
    10
    "`kind` or `apiVersion` look like those of a policy, but are not. Tetragon ignores the version of files that it reads \
     itself; Kubernetes refuses the object."
    "Write `apiVersion: cilium.io/v1alpha1` and `kind: TracingPolicy`.";
    11
    "The field is none of those that its object has. Tetragon drops some unknown fields without a word, above all those \
     with a wrong letter case: what they were to say is not done."
    "Correct the spelling, or move the field to the object that has it. Indentation decides to what a field belongs.";
    12
    "The value is of another YAML type than its field: a number where a text is wanted, a mapping instead of a list. \
     Unquoted `yes`, `no`, `on`, `off` are booleans, `0x10` is a number."
    "Add or remove quotes, or write the value as the help shows.";
    13
    "An object lacks a field that it cannot do without."
    "Add the field.";
    14
    "The field takes certain words only, written exactly so."
    "Write one of the words. If none fits, the release of Tetragon that has it may be newer than this tpc.";
    15
    "The number is too small or too large for its field."
    "Write a number in the range that is shown.";
    16
    "Kubernetes restricts the names of objects, namespaces, labels and annotations; a `TracingPolicyNamespaced` needs a \
     namespace, a `TracingPolicy` has none."
    "Correct the name as the label says.";
    17
    "Two policies of one run have the same name. The name is the directory of the bundle and the place of its pins on a \
     node: one would replace the other."
    "Rename one of the two, or compile them separately.";
    18
    "An output file could not be written: no permission, no space, or the destination holds something else."
    "Choose another destination. What was there before is left as it was.";
    19
    "`tpc.toml`, or the file that `--config` names, is no TOML or has a key or value that means nothing. It is not ignored: \
     a misspelt setting would be without effect."
    "Correct the key as the help shows. `docs/lint.md` lists them all.";
    1001
    "The policy uses a part of the language that this release does not compile. Tetragon may well run it. It is refused \
     instead of being ignored, because a policy must not do less than it says."
    "Write what the help shows. `tpc lint` says this only with `--target tpc`.";
    1002
    "What `call` names cannot be a kernel function or a system call: an impossible name, a function hooked as a system \
     call or the other way round, or a call that Linux does not have."
    "Write `syscall: true` for system calls (`sys_openat`) and `syscall: false` for kernel functions.";
    1003
    "An argument is declared in a way that cannot work: no type, a type that such a parameter never has, an index beyond \
     the registers, a buffer without a length."
    "Declare it as the function's prototype has it. `index` counts from 0, `sizeArgIndex` from 1.";
    1004
    "A filter refers to an argument that the hook does not declare. Tetragon refuses some of these policies and reads \
     other bytes in others."
    "Declare the argument under `args`, or correct `index` or `args` of the filter.";
    1005
    "The operator does not work on values of the argument's type. Tetragon accepts some of these filters; they then \
     match always or never."
    "Use one of the operators that are listed, or declare the argument with another type.";
    1006
    "A value of a filter is not one of its kind: no number, no address, no capability, out of the range of its type."
    "Write the value as the help shows.";
    1007
    "A filter has no values. Tetragon accepts that; depending on the filter it then matches always or never."
    "List the values, or remove the filter.";
    1008
    "The parameters of an action do not go together: no error to return, a signal that does not exist, a limit on \
     something that is not limited, an override of a function that cannot be overridden."
    "Correct the action as the help shows.";
    1009
    "The setting is allowed, but nothing looks at it where it stands. Its author may count on it."
    "Remove it, or write it where it has an effect.";
    1010
    "The policy has no hooks: it loads and does nothing."
    "Add an entry to `kprobes`, or another section with hooks.";
    1011
    "No event can have the value: a path with `//` or `..`, a relative path, a number beyond its type, a comparison \
     that is never true."
    "Correct the value, or remove it.";
    1012
    "An entry of `options` is not one that Tetragon knows, has a bad value, or is given twice. Tetragon ignores unknown \
     options without a word."
    "Correct the name or the value.";
    1013
    "The policy has hooks of more than one section, such as `kprobes` and `lsmhooks`. Tetragon refuses it: a policy has \
     hooks of one kind."
    "Write a policy for each section.";
    1014
    "The policy applies to pods, containers, nodes or the host in a way that its kind or its hooks do not allow, or selects \
     by labels that cannot be."
    "Correct the selector as the help shows, or remove it.";
    1015
    "A list does not exist, has no type that fits its use, or names something that is no function or system call."
    "Define the list under `lists`, or correct its type or the value.";
    1016
    "A macro does not exist, or has a part that cannot be joined with the selector that uses it."
    "Define it under `selectorsMacros`, or write its filters in the selector.";
    1017
    "`enforcers` names calls that cannot be refused, or an action notifies an enforcer that the policy does not have."
    "Name system calls or `security_` functions, and keep `enforcers` and `NotifyEnforcer` together.";
    1018
    "The path, symbol, offset, tracepoint or security hook that the entry names cannot be one, or too many ways to name a \
     place are given at once."
    "Name one place, in one way.";
    1019
    "`resolve` does not lead to a member: its syntax is wrong, it has nothing to start from, or there is no such register."
    "Write members with dots and indexes in brackets, and `btfType` where the start has no type.";
    1020
    "The expression of a `CelExpr` filter does not parse, uses a function or name that it does not have, or is not true or \
     false."
    "Write a condition on `arg0` to `arg4`, the arguments in the order of their declaration.";
    3001
    "The values of a filter take more instructions than the kernel checks in one program (a million)."
    "Spread the values over several selectors or policies.";
    3002
    "A hook needs more stack, longer jumps or more scratch memory than a BPF program has."
    "Split the hook's selectors over several policies, or declare fewer arguments.";
    4001
    "The bundle is damaged or incomplete, was changed after it was made, or is no bundle. Nothing was loaded."
    "Copy the bundle again, or compile the policy again. Check where it was changed.";
    4002
    "The object of a bundle does not have the programs and maps that its manifest lists."
    "Compile the policy again with one release of tpc.";
    4003
    "The node cannot run the policy: its kernel lacks a function, a helper, a program type or a setting. Nothing was \
     loaded; the list has all that is missing."
    "Load the policy on nodes that have it, write `ignore.callNotFound` for functions that may be missing, or change the \
     kernel's configuration.";
    4004
    "The kernel's verifier refused a program of the bundle. That is a fault of tpc, not of the policy."
    "Report it with the policy, the kernel's version and the verifier's log.";
    4005
    "A policy of this name is enforced already."
    "Replace it instead, or unload it first.";
    4006
    "No policy of this name was loaded by tpc-loader."
    "Look at `tpc-loader list`.";
    4007
    "The loader's directory on bpffs was made by somebody else, or others can change it. Whoever can change pins can \
     disable policies."
    "Find out who made it, remove it, and load the policies again.";
    4008
    "A call to the kernel failed for a reason that is not the policy's."
    "Check that the loader runs as root, that bpffs is mounted, and what the kernel's log says.";
    4009
    "Events of a policy are read by one process at a time: two readers would each get a part."
    "End the other reader, or read from it.";
    5001
    "`tpc test` was asked to run tests, and found no test file, or no case whose name `--filter` takes. A run without cases \
     proves nothing, so it fails."
    "Name a file `POLICY.test.yaml`, or write the first one with `tpc test --init POLICY.yaml`.";
    5002
    "A test file belongs to one policy: the one that `policy:` names, or the file beside it whose name lacks `.test`. That file \
     cannot be read, has errors, or holds several policies."
    "Correct the path, or compile the policy first: `tpc compile POLICY.yaml -o OUT/`. Of several policies choose one with `name:`.";
    5003
    "The case asks for something that the policy does not have, such as a function that it does not hook or an argument that it does \
     not declare; or it leaves out something that filters of the policy look at, and would prove nothing."
    "Write what the message says. `docs/test.md` describes the format.";
    5004
    "The value cannot be one of its argument's type: a number beyond its limits, a text that is no address, a field that the type does \
     not have."
    "Write the value as the message shows it. `docs/test.md` has a table of all types.";
    5005
    "The policy was compiled, its programs ran on the call that the case describes, and something else happened than the case \
     expects. For each selector the message names the filter that kept it from matching."
    "Correct the policy if the case is right, and the case if the policy is.";
    5006
    "Some part of the policy has no case: a selector that never decides, a filter that never keeps its selector from matching, or \
     values that no call has. A mistake there would not be noticed."
    "Add a case for it. `tpc test --init POLICY.yaml` writes one for every selector and filter.";
    5007
    "tpc runs each case twice: in the programs that it compiled, and in an interpreter that knows what the language means. They \
     did different things. That is a mistake of tpc, not of the policy."
    "Report it with the policy and the test file. Until it is mended, do not rely on what the policy does in this case.";
    5008
    "`tpc test --lab` boots a kernel under QEMU and loads policies there with `tpc-loader`. One of the three is not on this \
     machine, the kernel cannot be fetched, or the guest ended before all cases were made."
    "Do what the help of the message says: install QEMU, name a kernel's image by its path, or name the loader with \
     `--lab-loader`.";
}

#[cfg(test)]
mod tests {
    use super::super::code;
    use super::*;

    #[test]
    fn every_code_has_a_page() {
        let pages: Vec<Code> = PAGES.iter().map(|page| page.code).collect();
        let codes: Vec<Code> = code::TABLE.iter().map(|entry| entry.code).collect();
        assert_eq!(pages, codes, "add the page of a new code to this file");
        for page in PAGES {
            for text in [page.meaning, page.remedy] {
                assert!(
                    text.ends_with(['.', '`', '?']) && text.len() > 10,
                    "{}",
                    page.code
                );
            }
        }
    }
}
