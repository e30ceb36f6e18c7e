//! The judgement: alert and recording rules, their states, and who hears of them.

pub mod template;
