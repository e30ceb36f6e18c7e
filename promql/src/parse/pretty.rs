//! Expressions over several lines: what takes more than 100 bytes on one line is split, its parts
//! indented by two spaces a level, as Prometheus's `format_query` does it.

use std::fmt::{self, Display, Write};

use super::ast::{Kind, Node};
use super::print::{Brackets, Head, Operator, unsigned};

/// The longest text of a node that stays on one line.
const MAX_LINE: usize = 100;

/// A tree over several lines.
pub(super) struct Pretty<'a>(pub(super) &'a Node);

impl Display for Pretty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        write_node(&mut out, self.0, 0)?;
        f.write_str(&out)
    }
}

fn indent(out: &mut String, level: usize) {
    out.extend(std::iter::repeat_n("  ", level));
}

/// Counts bytes up to the longest line.
struct Measure(usize);

impl Write for Measure {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        if self.0 > MAX_LINE {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

fn too_long(node: &Node) -> bool {
    write!(Measure(0), "{node}").is_err()
}

fn write_node(out: &mut String, node: &Node, level: usize) -> fmt::Result {
    match &node.kind {
        Kind::Unary(minus, inner) => {
            // The operand's own indentation goes.
            let mut text = String::new();
            write_node(&mut text, inner, level)?;
            indent(out, level);
            out.push(if *minus { '-' } else { '+' });
            out.push_str(text.trim());
        }
        // Prometheus does not indent a subquery that fits.
        Kind::Subquery(_) if !too_long(node) => write!(out, "{node}")?,
        Kind::Subquery(subquery) => {
            write_node(out, &subquery.expr, level)?;
            write!(out, "{}", Brackets(subquery))?;
        }
        Kind::Aggregate(_) | Kind::Binary(_) | Kind::Call(_) | Kind::Paren(_) if too_long(node) => {
            write_split(out, node, level)?;
        }
        _ => {
            indent(out, level);
            write!(out, "{node}")?;
        }
    }
    Ok(())
}

fn write_split(out: &mut String, node: &Node, level: usize) -> fmt::Result {
    if let Kind::Binary(binary) = &node.kind {
        match unsigned(binary) {
            Some(lhs) => {
                indent(out, level + 1);
                out.push_str(lhs);
            }
            None => write_node(out, &binary.lhs, level + 1)?,
        }
        out.push('\n');
        indent(out, level);
        writeln!(out, "{}", Operator(binary))?;
        return write_node(out, &binary.rhs, level + 1);
    }
    indent(out, level);
    match &node.kind {
        Kind::Aggregate(aggregate) => write!(out, "{}", Head(aggregate))?,
        Kind::Call(call) => out.push_str(call.function.name),
        _ => {}
    }
    out.push_str("(\n");
    for (at, child) in node.kind.children().enumerate() {
        if at > 0 {
            out.push_str(",\n");
        }
        write_node(out, child, level + 1)?;
    }
    out.push('\n');
    indent(out, level);
    out.push(')');
    Ok(())
}
