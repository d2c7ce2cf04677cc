//! A tool that says what is kept under a key, which is the tool's name.

use carapace::{export, Host, Result, Tool, ToolInvocation, ToolOutput};

#[derive(Default)]
struct Remember;

export!(Remember: Tool);

impl Tool for Remember {
    fn invoke(&self, host: &Host, call: ToolInvocation) -> Result<ToolOutput> {
        host.info(format!("remembering {}", call.name));
        Ok(match host.kv_get(&call.name)? {
            Some(text) => ToolOutput::text(text),
            None => ToolOutput::failed(format!("nothing is kept under {}", call.name)),
        })
    }
}
