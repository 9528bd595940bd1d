//! From spanned YAML nodes to the model.

/// Declares the records of the model.
macro_rules! record {
    ($($(#[$meta:meta])* $name:ident $what:literal {
        $($key:literal $([$required:ident])? $field:ident: $type:ty,)*
    })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            /// The whole record.
            pub span: Span,
            $(#[doc = concat!("`", $key, "`")] pub $field: $type,)*
        }
    )*};
}
pub(super) use record;
