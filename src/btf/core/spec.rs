//! An access, step by step, on one side.

use super::{Btf, CoreError, Kind, MAX_DEPTH, RelocKind, TypeId, compat, essential_name};
use crate::btf::{Member, Type};

/// A named member, or an element.
#[derive(Clone, Debug)]
enum Step<'a> {
    Member { name: &'a str, ty: TypeId },
    Element(u32),
}

/// An access resolved on one side.
#[derive(Clone, Debug)]
pub(super) struct Spec<'a> {
    pub(super) root: TypeId,
    steps: Vec<Step<'a>>,
    /// Type of the last step.
    pub(super) leaf: TypeId,
    pub(super) bit_offset: u32,
    /// Width if the last step is a bit-field, else 0.
    pub(super) bits: u32,
    enumerator: &'a str,
    pub(super) enum_value: u64,
}

impl<'a> Spec<'a> {
    fn at(root: TypeId) -> Self {
        Self {
            root,
            steps: Vec::new(),
            leaf: root,
            bit_offset: 0,
            bits: 0,
            enumerator: "",
            enum_value: 0,
        }
    }

    /// Reads an access string of `btf`.
    pub(super) fn parse(
        btf: &'a Btf,
        root: TypeId,
        access: &str,
        kind: RelocKind,
    ) -> Result<Self, CoreError> {
        let name = btf.name(root);
        if essential_name(name).is_empty() {
            return Err(CoreError::Root(root));
        }
        let wrong = || CoreError::Access {
            root: name.to_owned(),
            access: access.to_owned(),
        };
        let indices: Vec<u32> = access
            .split(':')
            .map(|s| s.parse().map_err(|_| wrong()))
            .collect::<Result<_, _>>()?;
        let (&first, rest) = indices.split_first().ok_or_else(wrong)?;
        if indices.len() > MAX_DEPTH {
            return Err(wrong());
        }
        let spec = if kind.is_field() {
            Self::parse_field(btf, root, first, rest)
        } else if kind.is_enumval() {
            Self::parse_enumerator(btf, root, first)
        } else {
            Some(Self::at(root))
        };
        spec.ok_or_else(wrong)
    }

    fn parse_enumerator(btf: &'a Btf, root: TypeId, index: u32) -> Option<Self> {
        let Kind::Enum { values, .. } = &btf.resolve(root)?.1.kind else {
            return None;
        };
        let value = values.get(index as usize)?;
        Some(Self {
            enumerator: btf.str(value.name),
            enum_value: value.value,
            ..Self::at(root)
        })
    }

    fn parse_field(btf: &'a Btf, root: TypeId, first: u32, rest: &[u32]) -> Option<Self> {
        let mut spec = Self::at(root);
        spec.enter_element(btf, first)?;
        for &index in rest {
            spec.bits = 0;
            match &btf.resolve(spec.leaf)?.1.kind {
                Kind::Struct { members, .. } | Kind::Union { members, .. } => {
                    let member = members.get(index as usize)?;
                    let name = btf.str(member.name);
                    spec.enter_member(member)?;
                    if !name.is_empty() {
                        spec.steps.push(Step::Member {
                            name,
                            ty: member.ty,
                        });
                    }
                }
                Kind::Array { elem, .. } => {
                    if !spec.in_bounds(btf, index) {
                        return None;
                    }
                    spec.leaf = *elem;
                    spec.enter_element(btf, index)?;
                }
                _ => return None,
            }
        }
        Some(spec)
    }

    fn enter_member(&mut self, member: &Member) -> Option<()> {
        self.bit_offset = self.bit_offset.checked_add(member.bit_offset)?;
        self.bits = member.bits.into();
        self.leaf = member.ty;
        Some(())
    }

    /// Moves to the `index`-th value of type `leaf`.
    fn enter_element(&mut self, btf: &Btf, index: u32) -> Option<()> {
        let bits = match index {
            0 => 0,
            n => btf.size_of(self.leaf)?.checked_mul(8)?.checked_mul(n)?,
        };
        self.bit_offset = self.bit_offset.checked_add(bits)?;
        self.bits = 0;
        self.steps.push(Step::Element(index));
        Some(())
    }

    /// Whether the array at `leaf` has this element, or is flexible: of no length, and reached as a named member.
    /// libbpf also wants such a member to be the last; compilers refuse any other.
    fn in_bounds(&self, btf: &Btf, index: u32) -> bool {
        match btf.resolve(self.leaf) {
            Some((
                _,
                Type {
                    kind: Kind::Array { len: 0, .. },
                    ..
                },
            )) => matches!(self.steps.last(), Some(Step::Member { .. })),
            Some((
                _,
                Type {
                    kind: Kind::Array { len, .. },
                    ..
                },
            )) => index < *len,
            _ => false,
        }
    }

    /// The same access on another side, from a root of the same name. `None` if it does not exist there.
    pub(super) fn find_in<'b>(
        &self,
        ours: &Btf,
        theirs: &'b Btf,
        root: TypeId,
    ) -> Option<Spec<'b>> {
        if !self.enumerator.is_empty() {
            return self.find_enumerator(theirs, root);
        }
        let mut spec = Spec::at(root);
        if self.steps.is_empty() {
            return compat::types(ours, self.root, theirs, root).then_some(spec);
        }
        for (i, step) in self.steps.iter().enumerate() {
            match *step {
                Step::Member { name, ty } => {
                    spec = find_member(theirs, &spec, name)?;
                    if !compat::fields(ours, ty, theirs, spec.leaf) {
                        return None;
                    }
                }
                Step::Element(index) => {
                    if i > 0 {
                        if !spec.in_bounds(theirs, index) {
                            return None;
                        }
                        let Kind::Array { elem, .. } = theirs.resolve(spec.leaf)?.1.kind else {
                            return None;
                        };
                        spec.leaf = elem;
                    }
                    spec.enter_element(theirs, index)?;
                }
            }
        }
        Some(spec)
    }

    fn find_enumerator<'b>(&self, theirs: &'b Btf, root: TypeId) -> Option<Spec<'b>> {
        let Kind::Enum { values, .. } = &theirs.resolve(root)?.1.kind else {
            return None;
        };
        let wanted = essential_name(self.enumerator);
        let value = values
            .iter()
            .find(|v| essential_name(theirs.str(v.name)) == wanted)?;
        Some(Spec {
            enumerator: theirs.str(value.name),
            enum_value: value.value,
            ..Spec::at(root)
        })
    }
}

/// The member called `name` of the structure at `spec.leaf`, through anonymous members, in declaration order.
fn find_member<'b>(btf: &'b Btf, spec: &Spec<'b>, name: &str) -> Option<Spec<'b>> {
    let mut budget = MAX_MEMBERS;
    let (member, name, offset) = search_member(btf, spec.leaf, name, MAX_DEPTH, &mut budget)?;
    let mut hit = spec.clone();
    hit.bit_offset = hit.bit_offset.checked_add(offset)?;
    hit.enter_member(member)?;
    hit.steps.push(Step::Member {
        name,
        ty: member.ty,
    });
    Some(hit)
}

/// Members that one search may visit; `task_struct` has some 300. Bounds types that contain themselves.
const MAX_MEMBERS: usize = 20_000;

/// The member, its name, and the bit offset of the anonymous members around it.
fn search_member<'b>(
    btf: &'b Btf,
    outer: TypeId,
    name: &str,
    depth: usize,
    budget: &mut usize,
) -> Option<(&'b Member, &'b str, u32)> {
    let depth = depth.checked_sub(1)?;
    for member in btf.resolve(outer)?.1.kind.members()? {
        *budget = budget.checked_sub(1)?;
        let found = btf.str(member.name);
        if found == name {
            return Some((member, found, 0));
        }
        if found.is_empty()
            && let Some((hit, found, offset)) = search_member(btf, member.ty, name, depth, budget)
        {
            return Some((hit, found, offset.checked_add(member.bit_offset)?));
        }
    }
    None
}
