use super::{Env, Template, Value};
use crate::codegen::mir::{AluOp, Builder, FunctionId, MapId, Op, Operand, Reg};

fn ops(text: &'static str, env: &Env) -> Result<Vec<Op>, String> {
    let error = |error: super::TemplateError| format!("line {}: {}", error.line, error.message);
    let template = Template::parse(text).map_err(error)?;
    let mut b = Builder::new("test");
    template.instantiate(&mut b, env).map_err(error)?;
    Ok(b.finish().insns.into_iter().map(|insn| insn.op).collect())
}

#[test]
fn arithmetic_is_two_address() {
    let text = "func f(a)\n a s>>= 3 # comment\n return a";
    let expected = vec![
        Op::Param {
            dst: Reg(0),
            index: 0,
        },
        Op::Alu {
            op: AluOp::Arsh,
            width: crate::codegen::mir::Width::W64,
            dst: Reg(0),
            src: Operand::Imm(3),
        },
        Op::Exit(Operand::Reg(Reg(0))),
    ];
    assert_eq!(ops(text, &Env::default()), Ok(expected));
}

#[test]
fn holes_are_numbers_maps_and_functions() {
    let mut env = Env::default();
    env.set("N", Value::Int(7));
    env.set("M", Value::Map(MapId(2)));
    env.set("F", Value::Function(FunctionId(1)));
    let text = "func f()\n m = map $M\n x = call $F(m, $N)\n return x";
    let ops = ops(text, &env).expect("a good template");
    assert!(ops.contains(&Op::Map {
        dst: Reg(0),
        map: MapId(2)
    }));
    assert!(
        ops.iter()
            .any(|op| matches!(op, Op::Call { args, .. } if args.len() == 2))
    );
}

#[test]
fn errors_name_the_line() {
    let cases = [
        ("func f()\n x += 1", "line 2: x has no value yet"),
        (
            "func f(a)\n goto nowhere",
            "line 0: label nowhere is not bound",
        ),
        (
            "func f(a)\n x = a=>file.f_nothing",
            "line 2: no field file.f_nothing",
        ),
        (
            "func f(a)\n x = call no_helper(a)",
            "line 2: no helper no_helper",
        ),
        ("func f(a)\n a ?= 1", "line 2: cannot read `?= 1`"),
        ("func f(a)\n a += $N", "line 2: no value for $N"),
        (
            "func f(a)\n x = u32[a + 99999]",
            "line 2: offset 99999 is too far",
        ),
        ("func f(a)\n l:\n l:", "line 3: label l is bound twice"),
    ];
    for (text, expected) in cases {
        assert_eq!(ops(text, &Env::default()), Err(expected.to_owned()));
    }
}
