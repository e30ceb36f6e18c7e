//! A tree to text, within bounds.

use watchpost_model::Labels;

use super::functions::Run;
use super::parse::{Block, Branch, Command, Node, Operand, PREDEFINED, Pipeline};
use super::value::Value;
use super::{Context, Fault};

/// Actions, loop rounds and calls in one rendering.
const MAX_STEPS: usize = 100_000;
/// What a query costs of them.
const QUERY_STEPS: usize = 2_000;
/// Bytes of one rendering.
const MAX_OUTPUT: usize = 64 << 10;

/// Where to go on after a block.
#[derive(PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

/// Runs a template.
pub(super) fn run(block: &Block, context: &Context<'_>) -> Result<String, Fault> {
    let values = [
        Value::Root,
        Value::Labels(context.labels.clone()),
        Value::Labels(context.external_labels.clone()),
        Value::text(context.external_url),
        context.value(),
    ];
    let mut run = Runner {
        context,
        out: String::new(),
        variables: PREDEFINED
            .map(str::to_owned)
            .into_iter()
            .zip(values)
            .collect(),
        steps: 0,
    };
    run.block(block, &Value::Root)?;
    Ok(run.out)
}

struct Runner<'a> {
    context: &'a Context<'a>,
    out: String,
    variables: Vec<(String, Value)>,
    steps: usize,
}

impl Runner<'_> {
    fn step(&mut self, at: usize, count: usize) -> Result<(), Fault> {
        self.steps += count;
        if self.steps > MAX_STEPS {
            return Err(Fault::new(
                at,
                format!("the template takes more than {MAX_STEPS} steps"),
            ));
        }
        Ok(())
    }

    fn write(&mut self, text: &str, at: usize) -> Result<(), Fault> {
        if self.out.len() + text.len() > MAX_OUTPUT {
            return Err(Fault::new(
                at,
                format!("the text is longer than {MAX_OUTPUT} bytes"),
            ));
        }
        self.out.push_str(text);
        Ok(())
    }

    fn block(&mut self, block: &Block, dot: &Value) -> Result<Flow, Fault> {
        for node in block {
            let flow = self.node(node, dot)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow, Fault> {
        match node {
            Node::Text(text) => self.write(text, 0).map(|()| Flow::On),
            Node::Print(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.targets.is_empty() {
                    self.write(&value.print(), pipeline.at)?;
                }
                Ok(Flow::On)
            }
            Node::If(branch) => self.choose(branch, dot, false),
            Node::With(branch) => self.choose(branch, dot, true),
            Node::Range(branch) => self.range(branch, dot),
            Node::Break => Ok(Flow::Break),
            Node::Continue => Ok(Flow::Continue),
        }
    }

    fn choose(&mut self, branch: &Branch, dot: &Value, with: bool) -> Result<Flow, Fault> {
        let scope = self.variables.len();
        let value = self.pipeline(&branch.pipeline, dot)?;
        let flow = match (value.is_true(), with) {
            (true, true) => self.block(&branch.then, &value)?,
            (true, false) => self.block(&branch.then, dot)?,
            (false, _) => self.block(&branch.otherwise, dot)?,
        };
        self.variables.truncate(scope);
        Ok(flow)
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Result<Flow, Fault> {
        let scope = self.variables.len();
        let value = self.commands(&branch.pipeline, dot)?;
        let entries = entries(&value).map_err(|message| Fault::new(branch.pipeline.at, message))?;
        if entries.is_empty() {
            let flow = self.block(&branch.otherwise, dot)?;
            self.variables.truncate(scope);
            return Ok(flow);
        }
        for (key, item) in entries {
            self.step(branch.pipeline.at, 1)?;
            match branch.pipeline.targets.as_slice() {
                [only] => self.set(only, item.clone(), branch.pipeline.declares),
                [first, second] => {
                    self.set(first, key, branch.pipeline.declares);
                    self.set(second, item.clone(), branch.pipeline.declares);
                }
                _ => {}
            }
            let flow = self.block(&branch.then, &item)?;
            self.variables.truncate(scope);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn set(&mut self, name: &str, value: Value, declare: bool) {
        if declare {
            self.variables.push((name.to_owned(), value));
        } else if let Some((_, old)) = self
            .variables
            .iter_mut()
            .rev()
            .find(|(have, _)| have == name)
        {
            *old = value;
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, Fault> {
        let value = self.commands(pipeline, dot)?;
        for name in &pipeline.targets {
            self.set(name, value.clone(), pipeline.declares);
        }
        Ok(value)
    }

    fn commands(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, Fault> {
        let mut last = None;
        for command in &pipeline.commands {
            last = Some(self.command(command, last, dot)?);
        }
        Ok(last.unwrap_or(Value::Nil))
    }

    fn command(
        &mut self,
        command: &Command,
        last: Option<Value>,
        dot: &Value,
    ) -> Result<Value, Fault> {
        self.step(command.at, 1)?;
        let Some((Operand::Call(function), operands)) = command.operands.split_first() else {
            return match command.operands.first() {
                Some(operand) => self.operand(operand, dot, command.at),
                None => Ok(Value::Nil),
            };
        };
        let count = operands.len() + usize::from(last.is_some());
        function
            .accepts(count)
            .map_err(|message| Fault::new(command.at, message))?;
        let at_fault = |message: String| {
            Fault::new(
                command.at,
                format!("error calling {}: {message}", function.name),
            )
        };
        match function.run {
            Run::Values(run) => {
                let mut arguments = Vec::with_capacity(count);
                for operand in operands {
                    arguments.push(self.operand(operand, dot, command.at)?);
                }
                arguments.extend(last);
                run(self.context, &arguments).map_err(at_fault)
            }
            Run::Query => {
                self.step(command.at, QUERY_STEPS)?;
                let text = match (operands.first(), last) {
                    (Some(operand), _) => self.operand(operand, dot, command.at)?,
                    (None, last) => last.unwrap_or(Value::Nil),
                };
                super::functions::query(self.context, &text).map_err(at_fault)
            }
            Run::Until(stop) => {
                let mut value = Value::Nil;
                for operand in operands {
                    value = self.operand(operand, dot, command.at)?;
                    if value.is_true() == stop {
                        return Ok(value);
                    }
                }
                Ok(last.unwrap_or(value))
            }
        }
    }

    fn operand(&mut self, operand: &Operand, dot: &Value, at: usize) -> Result<Value, Fault> {
        match operand {
            Operand::Constant(value) => Ok(value.clone()),
            Operand::Dot => Ok(dot.clone()),
            Operand::Variable(name) => Ok(self.variable(name)),
            Operand::Group(pipeline) => self.pipeline(pipeline, dot),
            Operand::Call(function) => {
                let command = Command {
                    at,
                    operands: vec![Operand::Call(function)],
                };
                self.command(&command, None, dot)
            }
            Operand::Chain(base, fields) => {
                let mut value = self.operand(base, dot, at)?;
                for name in fields {
                    value = self
                        .field(&value, name)
                        .map_err(|message| Fault::new(at, message))?;
                }
                Ok(value)
            }
        }
    }

    fn variable(&self, name: &str) -> Value {
        let found = self.variables.iter().rev().find(|(have, _)| have == name);
        found.map_or(Value::Nil, |(_, value)| value.clone())
    }

    fn field(&self, value: &Value, name: &str) -> Result<Value, String> {
        let context = self.context;
        match (value, name) {
            (Value::Root, "Labels") => Ok(Value::Labels(context.labels.clone())),
            (Value::Root, "ExternalLabels") => Ok(Value::Labels(context.external_labels.clone())),
            (Value::Root, "ExternalURL") => Ok(Value::text(context.external_url)),
            (Value::Root, "Value") => Ok(context.value()),
            (Value::Sample(sample), "Labels") => Ok(Value::Labels(sample.labels.clone())),
            (Value::Sample(sample), "Value") => Ok(Value::Float(sample.value)),
            (Value::Labels(labels), name) => Ok(Value::text(labels.get(name))),
            (Value::Map(map), name) => Ok(map.get(name).cloned().unwrap_or(Value::Nil)),
            (Value::Nil, name) => Err(format!("nil has no field `{name}`")),
            (other, name) => Err(format!(
                "can't evaluate field `{name}` in {}",
                other.type_name()
            )),
        }
    }
}

/// What `range` goes over: keys and values.
fn entries(value: &Value) -> Result<Vec<(Value, Value)>, String> {
    let count = |at: usize| Value::Int(i64::try_from(at).unwrap_or(i64::MAX));
    match value {
        Value::Nil => Ok(Vec::new()),
        Value::List(list) => Ok(list
            .iter()
            .enumerate()
            .map(|(at, item)| (count(at), item.clone()))
            .collect()),
        Value::Labels(labels) => Ok(pairs(labels)),
        Value::Map(map) => Ok(map
            .iter()
            .map(|(name, item)| (Value::text(name), item.clone()))
            .collect()),
        Value::Int(rounds) => {
            let rounds = usize::try_from(*rounds)
                .unwrap_or_default()
                .min(MAX_STEPS + 1);
            Ok((0..rounds).map(|at| (count(at), count(at))).collect())
        }
        other => Err(format!("range can't iterate over {}", other.type_name())),
    }
}

fn pairs(labels: &Labels) -> Vec<(Value, Value)> {
    labels
        .iter()
        .map(|(name, value)| (Value::text(name), Value::text(value)))
        .collect()
}
