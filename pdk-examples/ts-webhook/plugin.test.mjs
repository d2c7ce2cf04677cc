import { replay } from "carapace/test";

replay(import.meta.url);
