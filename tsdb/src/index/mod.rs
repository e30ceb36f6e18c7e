//! Which series there are: lines, groups, and the series that pass matchers.
//!
//! A series is a pair of a line and a group that has it. Its final labels are the group's, with the
//! line's laid over them and the names the line removes taken away. A matcher on a label tests the
//! line's value where the line carries or removes the label, and the group's where it does not.

mod groups;
mod layouts;
mod lines;
mod matching;
mod postings;

pub(crate) use groups::{GroupId, Groups, Side};
pub(crate) use layouts::Layouts;
pub(crate) use lines::{Line, Lines};
pub(crate) use matching::matching;
