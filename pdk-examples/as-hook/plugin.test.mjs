import { replay } from "carapace-as/test";

replay(import.meta.url);
