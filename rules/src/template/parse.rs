//! Tokens to a tree. Functions and variables that do not exist are found here.

use super::Fault;
use super::functions::{self, Function};
use super::lex::{Lexeme, Token, lex};
use super::value::Value;

/// How deep actions and parentheses may nest.
const MAX_DEPTH: usize = 64;

/// The variables that every alert template begins with.
pub(super) const PREDEFINED: [&str; 5] = ["", "labels", "externalLabels", "externalURL", "value"];

pub(super) type Block = Vec<Node>;

/// A piece of a template.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Text(String),
    Print(Pipeline),
    If(Branch),
    With(Branch),
    Range(Branch),
    Break,
    Continue,
}

/// `if`, `with` or `range`.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) pipeline: Pipeline,
    pub(super) then: Block,
    pub(super) otherwise: Block,
}

/// `$x := first | second`
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    /// The byte at which it begins.
    pub(super) at: usize,
    /// Variables that it sets: one, or two for `range`.
    pub(super) targets: Vec<String>,
    /// Whether the variables are new (`:=`).
    pub(super) declares: bool,
    pub(super) commands: Vec<Command>,
}

/// A function with its arguments, or one value.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) at: usize,
    pub(super) operands: Vec<Operand>,
}

/// Something with a value.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Constant(Value),
    /// `.`
    Dot,
    /// `$name`
    Variable(String),
    Call(&'static Function),
    Group(Box<Pipeline>),
    /// `operand.a.b`
    Chain(Box<Operand>, Vec<String>),
}

/// Reads a template.
pub(super) fn parse(text: &str) -> Result<Block, Fault> {
    let lexemes = lex(text)?;
    let mut parser = Parser {
        end: text.len(),
        lexemes: lexemes.into_iter().peekable(),
        variables: PREDEFINED.map(str::to_owned).to_vec(),
        depth: 0,
        loops: 0,
    };
    let (block, end) = parser.block()?;
    match end {
        Ending::Text => Ok(block),
        Ending::End(at) => Err(Fault::new(at, "unexpected `end`: nothing is open")),
        Ending::Else(at) => Err(Fault::new(at, "unexpected `else`: nothing is open")),
    }
}

/// What ended a block; the byte of the keyword.
enum Ending {
    Text,
    End(usize),
    Else(usize),
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    If,
    With,
    Range,
}

struct Parser {
    end: usize,
    lexemes: std::iter::Peekable<std::vec::IntoIter<Lexeme>>,
    variables: Vec<String>,
    depth: usize,
    loops: usize,
}

impl Parser {
    fn place(&mut self) -> usize {
        self.lexemes.peek().map_or(self.end, |lexeme| lexeme.at)
    }

    fn peek(&mut self) -> Option<&Token> {
        self.lexemes.peek().map(|lexeme| &lexeme.token)
    }

    fn take(&mut self, token: &Token) -> bool {
        self.lexemes
            .next_if(|lexeme| lexeme.token == *token)
            .is_some()
    }

    fn close(&mut self) -> Result<(), Fault> {
        if self.take(&Token::Close) {
            return Ok(());
        }
        let found = self.found();
        Err(Fault::new(
            self.place(),
            format!("expected `}}}}`, found {found}"),
        ))
    }

    fn found(&mut self) -> String {
        match self.peek() {
            None => "the end".to_owned(),
            Some(Token::Word(word)) => format!("`{word}`"),
            Some(Token::Close) => "`}}`".to_owned(),
            Some(Token::Pipe) => "`|`".to_owned(),
            Some(Token::ParenClose) => "`)`".to_owned(),
            Some(Token::Comma) => "`,`".to_owned(),
            Some(Token::Declare) => "`:=`".to_owned(),
            Some(Token::Assign) => "`=`".to_owned(),
            Some(_) => "another value".to_owned(),
        }
    }

    fn enter(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("expected at most {MAX_DEPTH} levels of nesting");
            return Err(Fault::new(self.place(), message));
        }
        Ok(())
    }

    /// Nodes up to the end of the text, `end` or `else`.
    fn block(&mut self) -> Result<(Block, Ending), Fault> {
        let mut block = Block::new();
        while let Some(lexeme) = self.lexemes.next() {
            if let Token::Text(text) = lexeme.token {
                block.push(Node::Text(text));
                continue;
            }
            let at = self.place();
            let keyword = match self.peek() {
                Some(Token::Word(word)) => word.clone(),
                _ => String::new(),
            };
            let node = match keyword.as_str() {
                "end" => {
                    self.lexemes.next();
                    self.close()?;
                    return Ok((block, Ending::End(at)));
                }
                "else" => {
                    self.lexemes.next();
                    return Ok((block, Ending::Else(at)));
                }
                "if" => self.branch(Kind::If, at)?,
                "with" => self.branch(Kind::With, at)?,
                "range" => self.branch(Kind::Range, at)?,
                "break" => self.jump(Node::Break, at)?,
                "continue" => self.jump(Node::Continue, at)?,
                "define" | "template" | "block" => {
                    let message = format!("`{keyword}` is not supported yet");
                    return Err(Fault::new(at, message));
                }
                _ => {
                    let pipeline = self.pipeline(false)?;
                    self.close()?;
                    Node::Print(pipeline)
                }
            };
            block.push(node);
        }
        Ok((block, Ending::Text))
    }

    fn jump(&mut self, node: Node, at: usize) -> Result<Node, Fault> {
        self.lexemes.next();
        if self.loops == 0 {
            return Err(Fault::new(
                at,
                "`break` and `continue` stand within `range` only",
            ));
        }
        self.close()?;
        Ok(node)
    }

    fn branch(&mut self, kind: Kind, at: usize) -> Result<Node, Fault> {
        self.enter()?;
        self.lexemes.next();
        let scope = self.variables.len();
        let pipeline = self.pipeline(kind == Kind::Range)?;
        self.close()?;
        self.loops += usize::from(kind == Kind::Range);
        let (then, ending) = self.block()?;
        self.loops -= usize::from(kind == Kind::Range);
        let otherwise = match ending {
            Ending::Else(_) => self.otherwise(kind)?,
            Ending::End(_) => Block::new(),
            Ending::Text => {
                return Err(Fault::new(
                    at,
                    "expected `{{end}}` for this action, found the end",
                ));
            }
        };
        self.variables.truncate(scope);
        self.depth -= 1;
        let branch = Branch {
            pipeline,
            then,
            otherwise,
        };
        Ok(match kind {
            Kind::If => Node::If(branch),
            Kind::With => Node::With(branch),
            Kind::Range => Node::Range(branch),
        })
    }

    /// What follows `else`: `}} ... {{end}}`, or another `if` or `with` that shares the `end`.
    fn otherwise(&mut self, kind: Kind) -> Result<Block, Fault> {
        let at = self.place();
        let next = match self.peek() {
            Some(Token::Word(word)) if word == "if" && kind == Kind::If => Some(Kind::If),
            Some(Token::Word(word)) if word == "with" && kind == Kind::With => Some(Kind::With),
            _ => None,
        };
        if let Some(next) = next {
            return Ok(vec![self.branch(next, at)?]);
        }
        self.close()?;
        match self.block()? {
            (block, Ending::End(_)) => Ok(block),
            (_, Ending::Else(at)) => Err(Fault::new(at, "expected `end`, found a second `else`")),
            (_, Ending::Text) => Err(Fault::new(at, "expected `{{end}}`, found the end")),
        }
    }

    fn pipeline(&mut self, range: bool) -> Result<Pipeline, Fault> {
        self.enter()?;
        let at = self.place();
        let (targets, declares) = self.targets(range)?;
        let mut commands = vec![self.command()?];
        while self.take(&Token::Pipe) {
            let at = self.place();
            let command = self.command()?;
            if !matches!(command.operands.first(), Some(Operand::Call(_))) {
                return Err(Fault::new(at, "expected a function after `|`"));
            }
            commands.push(command);
        }
        if declares {
            self.variables.extend(targets.iter().cloned());
        }
        self.depth -= 1;
        Ok(Pipeline {
            at,
            targets,
            declares,
            commands,
        })
    }

    /// `$x :=`, `$x =`, or `$i, $x :=` where `range` allows it.
    fn targets(&mut self, range: bool) -> Result<(Vec<String>, bool), Fault> {
        let mut ahead = self.lexemes.clone();
        let mut targets = Vec::new();
        let declares = loop {
            let Some(Token::Variable(name)) = ahead.next().map(|lexeme| lexeme.token) else {
                return Ok((Vec::new(), false));
            };
            targets.push(name);
            match ahead.next().map(|lexeme| lexeme.token) {
                Some(Token::Declare) => break true,
                Some(Token::Assign) => break false,
                Some(Token::Comma) if range && targets.len() == 1 => {}
                _ => return Ok((Vec::new(), false)),
            }
        };
        for name in targets.iter().filter(|_| !declares) {
            self.known(name)?;
        }
        self.lexemes = ahead;
        Ok((targets, declares))
    }

    fn known(&mut self, name: &str) -> Result<(), Fault> {
        if self.variables.iter().any(|have| have == name) {
            return Ok(());
        }
        Err(Fault::new(
            self.place(),
            format!("undefined variable `${name}`"),
        ))
    }

    fn command(&mut self) -> Result<Command, Fault> {
        let at = self.place();
        let mut operands: Vec<Operand> = Vec::new();
        while !matches!(
            self.peek(),
            None | Some(Token::Close | Token::Pipe | Token::ParenClose)
        ) {
            let spaced = self.lexemes.peek().is_some_and(|lexeme| lexeme.spaced);
            let place = self.place();
            if !operands.is_empty() && !spaced {
                return Err(Fault::new(place, "expected a space between two values"));
            }
            operands.push(self.operand()?);
        }
        match operands.as_slice() {
            [] => {
                let found = self.found();
                Err(Fault::new(
                    at,
                    format!("expected a value or a function, found {found}"),
                ))
            }
            [Operand::Call(_), ..] | [_] => Ok(Command { at, operands }),
            _ => Err(Fault::new(at, "expected a function before several values")),
        }
    }

    fn operand(&mut self) -> Result<Operand, Fault> {
        let at = self.place();
        let mut fields = Vec::new();
        let base = match self.lexemes.next().map(|lexeme| lexeme.token) {
            Some(Token::Field(name)) => {
                fields.push(name);
                Operand::Dot
            }
            Some(Token::Dot) => return Ok(Operand::Dot),
            Some(Token::Variable(name)) => {
                self.known(&name).map_err(|fault| Fault { at, ..fault })?;
                Operand::Variable(name)
            }
            Some(Token::Str(text)) => Operand::Constant(Value::text(text)),
            Some(Token::Int(number)) => Operand::Constant(Value::Int(number)),
            Some(Token::Float(number)) => Operand::Constant(Value::Float(number)),
            Some(Token::Word(word)) => named(&word, at)?,
            Some(Token::ParenOpen) => {
                let pipeline = self.pipeline(false)?;
                if !self.take(&Token::ParenClose) {
                    let found = self.found();
                    return Err(Fault::new(
                        self.place(),
                        format!("expected `)`, found {found}"),
                    ));
                }
                Operand::Group(Box::new(pipeline))
            }
            _ => return Err(Fault::new(at, "expected a value or a function")),
        };
        while let Some(Token::Field(name)) = self
            .lexemes
            .next_if(|next| !next.spaced && matches!(next.token, Token::Field(_)))
            .map(|lexeme| lexeme.token)
        {
            fields.push(name);
        }
        Ok(match (fields.is_empty(), base) {
            (true, base) => base,
            (false, base) => Operand::Chain(Box::new(base), fields),
        })
    }
}

fn named(word: &str, at: usize) -> Result<Operand, Fault> {
    match word {
        "true" => Ok(Operand::Constant(Value::Bool(true))),
        "false" => Ok(Operand::Constant(Value::Bool(false))),
        "nil" => Ok(Operand::Constant(Value::Nil)),
        _ => match functions::find(word) {
            Some(function) => Ok(Operand::Call(function)),
            None if functions::NOT_YET.contains(&word) => Err(Fault::new(
                at,
                format!("function `{word}` is not supported yet"),
            )),
            None => Err(Fault::new(at, format!("function `{word}` is not defined"))),
        },
    }
}
