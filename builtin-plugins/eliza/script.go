package eliza

// keyword is a word that ELIZA listens for. Of several in a clause the one of the highest rank leads.
type keyword struct {
	word  string
	rank  int
	alike string // other words that mean it, separated by spaces
	rules []rule
}

// rule is a pattern for a clause and the replies to it, which are used in turn. A reply =word goes on
// with the rules of that keyword.
type rule struct {
	pattern string
	replies []string
}

const memoryWord = "my"

var memoryRule = rule{"* my *", []string{
	"Earlier you said: your $2. What else comes to mind about that?",
	"Let us go back a little: your $2.",
	"I am still thinking of this: your $2. Does it have to do with this?",
}}

var silences = []string{
	"Take your time. I am listening.",
	"You are quiet. What is on your mind?",
	"We can start anywhere you like.",
}

var foreign = []string{
	"I only follow English, I am afraid, but I am listening.",
	"Could you put that into English words for me?",
}

var lulls = []string{
	"Tell me more about that.",
	"I see. And how does that sit with you?",
	"What makes you bring that up now?",
	"Go on, please.",
	"I am not sure that I follow. Can you say it another way?",
	"What would that mean to you?",
}

var script = []keyword{
	{"hello", 1, "hi hey greetings", []rule{
		{"*", []string{"Hello. What would you like to talk about?", "Good to hear from you. How are things today?"}},
	}},
	{"bye", 1, "goodbye farewell", []rule{
		{"*", []string{"Goodbye. It was good to talk with you.", "Until next time. Be kind to yourself."}},
	}},
	{"thanks", 1, "thank", []rule{
		{"*", []string{"You are welcome. Is there more on your mind?", "I am glad if it helps. What else is there?"}},
	}},
	{"sorry", 1, "apologies apologise apologize", []rule{
		{"*", []string{"There is nothing to forgive.", "You need not apologise to me. What made you feel that you should?"}},
	}},
	{"name", 8, "names", []rule{
		{"* your name *", []string{"They call me ELIZA. But we were talking about you.", "ELIZA. Why do you ask?"}},
		{"* my name is *", []string{"Nice to meet you, $2. What brings you here?"}},
		{"*", []string{"Names matter less to me than what is behind them."}},
	}},
	{"remember", 5, "", []rule{
		{"* i remember *", []string{"What brings $2 back to you just now?", "Do you often think of $2?", "And what else do you connect with $2?"}},
		{"* do you remember *", []string{"Did you think that I would forget $2?", "What about $2 should we look at again?"}},
		{"*", []string{"=memory"}},
	}},
	{"if", 3, "", []rule{
		{"* if *", []string{"How likely do you think it is that $2?", "Do you wish that $2?", "And what would follow if $2?"}},
	}},
	{"dream", 6, "dreamed dreamt dreams nightmare", []rule{
		{"* i dreamed|dreamt *", []string{"What does it say to you that you dreamt $2?", "Have you ever pictured $2 while you were awake?"}},
		{"*", []string{"What does that dream tell you?", "Who appears in your dreams?", "How did you feel when you woke?"}},
	}},
	{"perhaps", 0, "maybe possibly probably", []rule{
		{"*", []string{"You do not sound certain.", "What would help you to be sure?", "Could it also be otherwise?"}},
	}},
	{"computer", 20, "computers machine machines robot robots ai program software", []rule{
		{"*", []string{"Do machines worry you?", "Why do you bring up machines?", "What part do computers play in this?", "Does it matter to you that I am one?"}},
	}},
	{"am", 0, "", []rule{
		{"* am i *", []string{"Do you believe that you are $2?", "Would you like to be $2?", "What if you were $2?"}},
		{"* i am *", []string{"=i"}},
	}},
	{"are", 0, "", []rule{
		{"* are you *", []string{"Why does it interest you whether I am $2?", "Would you rather I were not $2?", "Perhaps I am $2 in your imagination."}},
		{"* you are *", []string{"=you"}},
		{"* are *", []string{"What if they were not $2?", "Did you expect them to be otherwise?"}},
	}},
	{"your", 0, "", []rule{
		{"* your *", []string{"Why are you concerned about my $2?", "What about your own $2?", "Do other people's $2 matter to you as well?"}},
	}},
	{"i", 0, "", []rule{
		{"* i want|need|wish|crave *", []string{"What would it mean to you to get $2?", "Why do you want $2?", "Suppose you had $2 tomorrow. What then?", "What if you never got $2?"}},
		{"* i am sad|unhappy|depressed|lonely|tired|upset|anxious|afraid|sick *", []string{"I am sorry that you feel that way. How long has it been so?", "What do you think has brought this on?", "Does talking about it make it lighter?"}},
		{"* i am happy|glad|better|excited|proud *", []string{"That is good to hear. What has made it so?", "Did you see it coming that you would feel this way?", "What is different now?"}},
		{"* i am *", []string{"How long have you been $2?", "Is it because you are $2 that we are talking?", "How do you feel about being $2?"}},
		{"* i feel *", []string{"When do you usually feel $2?", "What is it like to feel $2?", "Tell me more about such feelings."}},
		{"* i think|believe|guess *", []string{"What makes you think that $2?", "How sure are you that $2?", "Have you told anybody that $2?"}},
		{"* i cannot *", []string{"How do you know that you cannot $2?", "Have you tried to $2?", "Perhaps you could $2 if you wanted to enough."}},
		{"* i do not *", []string{"Do you really not $2?", "Why is it that you do not $2?", "Does that trouble you?"}},
		{"* i * you *", []string{"Is it only me that you $2, or others too?", "Perhaps in your mind we $2 each other.", "What does it do for you to $2 me?"}},
		{"* i love|like|enjoy *", []string{"What is it about $2 that speaks to you?", "How long has $2 been dear to you?"}},
		{"* i hate|dislike *", []string{"What is it about $2 that bothers you?", "Was there a time when $2 did not bother you?"}},
		{"* i *", []string{"You say that you $2?", "Can you tell me more about that?", "Why do you think that you $2?", "Is there somebody you share that with?"}},
	}},
	{"you", 0, "", []rule{
		{"* you remind me of *", []string{"What is it about me that brings $2 to mind?"}},
		{"* you are *", []string{"What makes you think that I am $2?", "Does it please you to think that I am $2?", "Perhaps you would like to be $2 yourself."}},
		{"* you * me *", []string{"Why do you think that I $2 you?", "You would like me to $2 you, would you not?", "Who else has $2 you?"}},
		{"* you *", []string{"We were talking about you, not about me.", "You say that I $2?", "What do you feel when you think about me?"}},
	}},
	{"yes", 0, "yeah yep yup sure indeed", []rule{
		{"*", []string{"You seem certain of that.", "I understand. And then?", "Could you say a little more?"}},
	}},
	{"no", 0, "nope nah", []rule{
		{"* no one *", []string{"Surely somebody.", "Is there truly no one $2?", "Whom did you have in mind?"}},
		{"*", []string{"Are you saying no just to be on the safe side?", "Why not?", "That is a plain answer. What lies behind it?"}},
	}},
	{"my", 2, "", []rule{
		{"* my mother|mum|mom|father|dad|sister|brother|wife|husband|son|daughter|family|parents *", []string{"Tell me more about your family.", "Who else is close to you?", "How did you get on with them when you were younger?"}},
		{"* my *", []string{"Your $2?", "Why do you say that about your $2?", "Is it important to you that it is your own?", "What would change without your $2?"}},
	}},
	{"can", 0, "", []rule{
		{"* can you *", []string{"You would like me to be able to $2?", "Perhaps you would like to $2 yourself."}},
		{"* can i *", []string{"Whether you can $2 depends more on you than on me.", "Do you want to $2?"}},
	}},
	{"because", 0, "", []rule{
		{"*", []string{"Is that the real reason?", "Do other reasons come to mind?", "Does that explain anything else?"}},
	}},
	{"why", 0, "", []rule{
		{"* why do not you *", []string{"Do you think that I do not $2?", "In good time I may $2. Should you?"}},
		{"* why cannot i *", []string{"Do you think that you should be able to $2?", "Do you want to be able to $2?"}},
		{"*", []string{"=what"}},
	}},
	{"what", 0, "how when where who which", []rule{
		{"*", []string{"Why do you ask?", "What answer would please you most?", "What comes to mind when you ask yourself that?", "Have you put that question to others?", "Is this something that you think about often?"}},
	}},
	{"everyone", 2, "nobody noone everything", []rule{
		{"*", []string{"Who in particular?", "Can you think of one person above all?", "Surely there are exceptions."}},
	}},
	{"always", 1, "never", []rule{
		{"*", []string{"Can you think of one particular time?", "Really, without exception?", "When did it last happen?"}},
	}},
	{"alike", 10, "same similar", []rule{
		{"*", []string{"In what way?", "What do they have in common, as you see it?", "Could there be a connection?"}},
	}},
	{"memory", 0, "", []rule{
		{"*", []string{"What else comes back to you?", "Is it a good memory?"}},
	}},
}
