//! `twofold operator …`: who is in charge of others. Only root says so.

use twofold_shared::wire::{self, ListOperators, OperatorEntry, SetCharge};

use crate::args::{Charge, Operator};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{short_name, table, visible};

/// Does one of the verbs.
pub fn run(desk: &Desk, verb: Operator) -> Result<(), Failure> {
    match verb {
        Operator::List => list(desk),
        Operator::Add(Charge { account, groups, everybody }) => {
            let whose = short_name(&account);
            let charge = wire::Charge { everybody, groups };
            let of = of(&charge);
            desk.screen.object(&desk.call(&SetCharge { account, charge: Some(charge) })?)?;
            Ok(desk.screen.say(&format!(
                "{whose} is an operator now, in charge of {of}: never of other operators, nor of the system's accounts. It \
                 takes a code of their own."
            ))?)
        }
        Operator::Remove { account } => {
            let whose = short_name(&account);
            desk.screen.object(&desk.call(&SetCharge { account, charge: None })?)?;
            Ok(desk.screen.say(&format!("{whose} is in charge of nobody any more."))?)
        }
    }
}

fn list(desk: &Desk) -> Result<(), Failure> {
    let operators = desk.call(&ListOperators {})?.operators;
    for operator in &operators {
        desk.screen.object(operator)?;
    }
    if operators.is_empty() {
        let next =
            "Nobody is in charge of others. Put somebody there with: twofold operator add NAME --group GROUP";
        return Ok(desk.screen.say(next)?);
    }
    let rows: Vec<[String; 3]> = operators.iter().map(row).collect();
    Ok(desk.screen.line(&table(["NAME", "IN CHARGE OF", "TWO-FACTOR"], &rows))?)
}

fn row(operator: &OperatorEntry) -> [String; 3] {
    let names: Vec<String> = operator.names.iter().map(|name| short_name(name)).collect();
    let second = if operator.enrolled { "on" } else { "off: can do nothing yet" };
    [names.join(", "), of(&operator.charge), second.to_owned()]
}

/// Of whom, in words.
pub fn of(charge: &wire::Charge) -> String {
    match charge.groups.as_slice() {
        _ if charge.everybody => "everybody".to_owned(),
        [group] => format!("the group {}", visible(group)),
        groups => format!("the groups {}", visible(&groups.join(", "))),
    }
}
