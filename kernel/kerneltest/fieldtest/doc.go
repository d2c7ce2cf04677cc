// Package fieldtest runs cases from the field: what servers, platforms and people were seen to send, kept as data.
//
// A case is one JSON file in the testdata/field folder of the plugin that it is about. It tells one story: what
// comes in, what the language model answers, and what has to come of it. Each case boots a whole kernel with the
// real built-in plugins and a Completions server for a model:
//
//	{
//	  "kind": "conversation",
//	  "about": "One sentence: what comes, and what is right.",
//	  "source": "where it was seen",
//	  "user": "hi",
//	  "responses": [{"sse": [{"delta": {"content": "Hello"}}, {"finish": "stop"}, "data: [DONE]"]}],
//	  "expect": {"final": "Hello"}
//	}
//
// What all cases have is Case, what a model answers is Response, how a text is expected Text. A kind of case is a
// function (see Kind) with two types of its own: its case, which embeds Case, and what it expects, which may embed
// Requests. Conversation is one; a test adds its own kinds in a file each. {{repeat 3 ab}} anywhere in a file stands
// for ababab.
package fieldtest
