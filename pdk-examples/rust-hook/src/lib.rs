//! A plugin with a hook that changes messages before they are sent.

use carapace::{export, json, Hook, HookDecision, HookEvent, Host, MessageSending, Result};

const PLAIN: [(&str, &str); 3] = [("utilize", "use"), ("in order to", "to"), ("prior to", "before")];

#[derive(Default)]
struct Words;

export!(Words: Hook);

impl Hook for Words {
    /// Is called for the hooks that the manifest names: here, for one.
    fn handle(&self, _: &Host, event: HookEvent) -> Result<HookDecision> {
        let message: MessageSending = event.event.to()?;
        let text = PLAIN.iter().fold(message.text.clone(), |text, (stilted, plain)| text.replace(stilted, plain));
        let modify = (text != message.text).then(|| json!({ "text": text }));
        Ok(HookDecision { modify, ..HookDecision::default() }) // an empty decision lets it pass
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn transcripts() {
        carapace::test::replay::<super::Words>("testdata");
    }
}
