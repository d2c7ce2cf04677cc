//! A plugin with a tool that rolls dice.

use carapace::{export, random, Host, Result, Tool, ToolInvocation, ToolOutput};

#[derive(Default)]
struct Dice;

export!(Dice: Tool);

impl Tool for Dice {
    /// Rolls. The gateway has checked the arguments against the manifest's schema.
    fn invoke(&self, _: &Host, call: ToolInvocation) -> Result<ToolOutput> {
        let sides = call.args["sides"].as_u64().unwrap_or(6);
        Ok(ToolOutput::text((1 + random() % sides).to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use carapace::test::Gateway;
    use carapace::{json, Json};
    use std::collections::BTreeSet;

    #[test]
    fn a_die_shows_all_of_its_sides() {
        let gateway = Gateway::default();
        for (args, sides) in [(json!({}), 6), (json!({ "sides": 2 }), 2), (json!({ "sides": 20 }), 20)] {
            let roll = |args: Json| {
                let call = ToolInvocation { name: "roll".into(), args, ..ToolInvocation::default() };
                let output = Dice.invoke(&gateway.host, call).unwrap();
                output.content[0].text.clone().unwrap().parse().unwrap()
            };
            let seen: BTreeSet<u64> = (0..1000).map(|_| roll(args.clone())).collect();
            assert_eq!(seen, (1..=sides).collect());
        }
    }
}
