package main

import (
	"fmt"
	"os"

	"go.bytecodealliance.org/wit"
)

func main() {
	r, err := wit.LoadWIT(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, i := range r.Interfaces {
		fmt.Println(*i.Name, i.TypeDefs.Len(), i.Functions.Len())
	}
}
