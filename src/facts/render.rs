//! BTF to C: prototypes, structures, typedefs.

use std::collections::{BTreeMap, HashMap};

use crate::btf::{Btf, Kind, Param, TypeId};

/// Longest chain of pointers, arrays and qualifiers that is followed, and deepest structure within structures.
const MAX_DEPTH: usize = 32;
/// Prefix of the typedefs that describe raw tracepoints (include/trace/bpf_probe.h).
const RAW_TRACEPOINT: &str = "btf_trace_";
/// Prefix of the values that number helpers (include/uapi/linux/bpf.h).
const HELPER: &str = "BPF_FUNC_";
/// The mark of functions that programs can call.
const KFUNC: &str = "bpf_kfunc";

/// Writes types of one BTF as text.
pub(super) struct Render<'a> {
    btf: &'a Btf,
    /// Names of structures without one.
    anonymous: HashMap<TypeId, String>,
}

impl<'a> Render<'a> {
    pub(super) fn new(btf: &'a Btf) -> Self {
        let mut render = Self {
            btf,
            anonymous: HashMap::new(),
        };
        for (id, ty) in btf.types() {
            let name = btf.str(ty.name);
            match &ty.kind {
                kind if kind.is_composite() && !name.is_empty() => {
                    render.name_members(id, name.to_owned(), 0);
                }
                Kind::Typedef(to) => {
                    let unnamed = render.unnamed(*to);
                    if let Some(id) = unnamed {
                        render.name_composite(id, format!("{name}#"), 0);
                    }
                }
                _ => {}
            }
        }
        render
    }

    /// The structure without a name that a type is, itself or as element of an array.
    fn unnamed(&self, id: TypeId) -> Option<TypeId> {
        let mut id = id;
        for _ in 0..MAX_DEPTH {
            let ty = self.btf.ty(id)?;
            id = match &ty.kind {
                kind if kind.is_composite() => {
                    return self.btf.str(ty.name).is_empty().then_some(id);
                }
                Kind::Array { elem, .. } => *elem,
                Kind::Const(to) | Kind::Volatile(to) => *to,
                _ => return None,
            };
        }
        None
    }

    fn name_composite(&mut self, id: TypeId, name: String, depth: usize) {
        if depth < MAX_DEPTH && !self.anonymous.contains_key(&id) {
            self.anonymous.insert(id, name.clone());
            self.name_members(id, name, depth);
        }
    }

    fn name_members(&mut self, id: TypeId, name: String, depth: usize) {
        let btf = self.btf;
        for (number, member) in members(btf, id).iter().enumerate() {
            if let Some(inner) = self.unnamed(member.ty) {
                self.name_composite(inner, format!("{name}#{number}"), depth + 1);
            }
        }
    }

    /// `struct NAME` or `union NAME`.
    fn composite(&self, id: TypeId) -> Option<String> {
        let ty = self.btf.ty(id)?;
        let word = match ty.kind {
            Kind::Struct { .. } | Kind::Fwd { union: false } => "struct",
            Kind::Union { .. } | Kind::Fwd { union: true } => "union",
            _ => return None,
        };
        let own = self.btf.str(ty.name);
        let name = match own.is_empty() {
            true => self.anonymous.get(&id).map_or("#", String::as_str),
            false => own,
        };
        Some(format!("{word} {name}"))
    }

    /// A type as text.
    pub(super) fn ty(&self, id: TypeId) -> String {
        let (mut id, mut pointers, mut dimensions, mut is_const) = (id, 0, String::new(), false);
        let mut base = "#".to_owned();
        for _ in 0..MAX_DEPTH {
            let Some(ty) = self.btf.ty(id) else {
                base = "void".to_owned();
                break;
            };
            match &ty.kind {
                Kind::Ptr(to) => {
                    (id, pointers, is_const) = (*to, pointers + 1, false);
                    continue;
                }
                Kind::Const(to) => (id, is_const) = (*to, true),
                Kind::Volatile(to) | Kind::Restrict(to) | Kind::TypeTag { ty: to, .. } => id = *to,
                Kind::Array { elem, len, .. } if pointers == 0 => {
                    dimensions.push_str(&format!("[{len}]"));
                    id = *elem;
                }
                kind => {
                    base = self.base(id, kind, self.btf.str(ty.name));
                    break;
                }
            }
        }
        let qualifier = if is_const && pointers > 0 {
            "const "
        } else {
            ""
        };
        let space = if pointers > 0 || !dimensions.is_empty() {
            " "
        } else {
            ""
        };
        format!(
            "{qualifier}{base}{space}{}{dimensions}",
            "*".repeat(pointers)
        )
    }

    fn base(&self, id: TypeId, kind: &Kind, name: &str) -> String {
        match kind {
            Kind::FuncProto { .. } => "function".to_owned(),
            Kind::Array { .. } => "array".to_owned(),
            Kind::Enum { .. } => format!("enum {name}").trim_end().to_owned(),
            Kind::Float { .. } => format!("float {name}"),
            _ => self.composite(id).unwrap_or_else(|| name.to_owned()),
        }
    }

    fn prototype(&self, returns: TypeId, params: &[Param]) -> String {
        let params: Vec<String> = params.iter().map(|param| self.param(param)).collect();
        format!("{}({})", self.ty(returns), params.join(", "))
    }

    fn param(&self, param: &Param) -> String {
        let (ty, name) = (self.ty(param.ty), self.btf.str(param.name));
        match (ty.as_str(), name) {
            ("void", "") => "...".to_owned(),
            (ty, "") if ty.ends_with('*') => format!("{ty}_"),
            (ty, "") => format!("{ty} _"),
            (ty, name) if ty.ends_with('*') => format!("{ty}{name}"),
            (ty, name) => format!("{ty} {name}"),
        }
    }

    /// Every function with its prototype; of several with the same name, the first.
    pub(super) fn functions(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for (id, ty) in self.btf.types() {
            if let (Kind::Func { .. }, Some((returns, params))) = (&ty.kind, self.btf.signature(id))
            {
                all.entry(self.btf.str(ty.name).to_owned())
                    .or_insert_with(|| self.prototype(returns, params));
            }
        }
        all
    }

    /// Structures with their members; of several with the same name, the first that is not empty.
    pub(super) fn structures(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let mut all: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (id, ty) in self.btf.types() {
            let Some(name) = self.composite(id).filter(|_| ty.kind.is_composite()) else {
                continue;
            };
            let known = all.entry(name).or_default();
            if !known.is_empty() {
                continue;
            }
            for (number, member) in members(self.btf, id).iter().enumerate() {
                let name = match self.btf.str(member.name) {
                    "" => format!("#{number}"),
                    name => name.to_owned(),
                };
                known.insert(name, self.ty(member.ty));
            }
        }
        all
    }

    /// Typedefs, without those that describe raw tracepoints.
    pub(super) fn typedefs(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for (_, ty) in self.btf.types() {
            let name = self.btf.str(ty.name);
            if let (Kind::Typedef(to), false) = (&ty.kind, name.starts_with(RAW_TRACEPOINT)) {
                all.entry(name.to_owned()).or_insert_with(|| self.ty(*to));
            }
        }
        all
    }

    /// Raw tracepoints. Their functions have the program's data in front, which is none of the arguments.
    pub(super) fn raw_tracepoints(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for (_, ty) in self.btf.types() {
            let name = self.btf.str(ty.name).strip_prefix(RAW_TRACEPOINT);
            if let (Kind::Typedef(to), Some(name)) = (&ty.kind, name)
                && let Some((_, pointer)) = self.btf.resolve(*to)
                && let Kind::Ptr(function) = pointer.kind
                && let Some((_, function)) = self.btf.resolve(function)
                && let Kind::FuncProto { ret, params } = &function.kind
            {
                let arguments = params.get(1..).unwrap_or(&[]);
                all.insert(name.to_owned(), self.prototype(*ret, arguments));
            }
        }
        all
    }
}

fn members(btf: &Btf, id: TypeId) -> &[crate::btf::Member] {
    btf.ty(id).and_then(|ty| ty.kind.members()).unwrap_or(&[])
}

/// Names of the helpers, without `bpf_`.
pub(super) fn helpers(btf: &Btf) -> impl Iterator<Item = &str> {
    let ids = btf.find("bpf_func_id", Kind::is_enum);
    let values = ids.and_then(|id| match &btf.ty(id)?.kind {
        Kind::Enum { values, .. } => Some(values),
        _ => None,
    });
    let names = values.into_iter().flatten();
    names.filter_map(|value| btf.str(value.name).strip_prefix(HELPER))
}

/// Names of the functions that programs can call.
pub(super) fn kfuncs(btf: &Btf) -> impl Iterator<Item = &str> {
    btf.types().filter_map(|(_, ty)| match ty.kind {
        Kind::DeclTag {
            ty: of,
            component: -1,
            ..
        } if btf.str(ty.name) == KFUNC => Some(btf.name(of)),
        _ => None,
    })
}
