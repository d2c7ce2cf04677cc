package telegram

// ToHTML for tests of the conversion.
var ToHTML = toHTML
