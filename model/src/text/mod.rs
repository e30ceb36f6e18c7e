//! Exposition text: a page of samples as targets serve it.
