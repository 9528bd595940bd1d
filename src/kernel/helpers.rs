//! Helper functions that programs call.
