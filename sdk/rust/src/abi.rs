//! Extism's calling convention: bytes in, bytes out, through memory that belongs to the host and is addressed by 64-bit
//! offsets. Beside it the gateway has functions that copy as a whole what Extism's own copy eight bytes a call; with the
//! feature `extism` a module does without them, and runs under any Extism host.

/// A function of module `extism:host/user`.
pub type Function = unsafe extern "C" fn(u64) -> u64;

/// The input of the call.
pub fn input() -> String {
    // SAFETY: the host's function takes nothing and gives a number.
    let length = unsafe { env::input_length() };
    text(length as usize, memory::load_input)
}

/// Sets what the call answers.
pub fn output(text: &str) {
    memory::output(text.as_bytes());
}

/// Sets the error that the call answers.
pub fn fail(text: &str) {
    let block = store(text.as_bytes());
    // SAFETY: the block was made by the host, which takes it over.
    unsafe { env::error_set(block) }
}

/// Passes a text to a function of the gateway's, and returns the text that it answers.
pub fn call(function: Function, param: &str) -> String {
    let block = store(param.as_bytes());
    // SAFETY: the function takes a block of the host's memory, and gives another one.
    let answer = unsafe { function(block) };
    // SAFETY: nothing uses the block any more.
    unsafe { env::free(block) };
    take(answer)
}

/// Copies bytes into a new block.
fn store(bytes: &[u8]) -> u64 {
    // SAFETY: the host gives a block of so many bytes, or traps.
    let block = unsafe { env::alloc(bytes.len() as u64) };
    memory::write(block, bytes);
    block
}

/// Copies a block out and frees it.
fn take(block: u64) -> String {
    if block == 0 {
        return String::new();
    }
    // SAFETY: the block was made by the host, and is freed once it is copied.
    unsafe {
        let length = env::length(block);
        let text = text(length as usize, |bytes| memory::read(block, bytes));
        env::free(block);
        text
    }
}

/// A text that something fills. What the gateway passes is UTF-8.
fn text(length: usize, fill: impl FnOnce(&mut [u8])) -> String {
    let mut bytes = vec![0; length];
    fill(&mut bytes);
    String::from_utf8(bytes).unwrap_or_default()
}

mod env {
    #[link(wasm_import_module = "extism:host/env")]
    extern "C" {
        pub fn input_length() -> u64;
        pub fn error_set(block: u64);
        pub fn alloc(size: u64) -> u64;
        pub fn free(block: u64);
        pub fn length(block: u64) -> u64;
    }
}

#[cfg(not(feature = "extism"))]
mod memory {
    mod host {
        #[link(wasm_import_module = "carapace:host/memory")]
        extern "C" {
            pub fn read(block: u64, to: *mut u8, length: u32);
            pub fn write(block: u64, from: *const u8, length: u32);
            pub fn input(to: *mut u8, length: u32);
            pub fn output(from: *const u8, length: u32);
        }
    }

    pub fn read(block: u64, bytes: &mut [u8]) {
        // SAFETY: the host writes as many bytes as there are.
        unsafe { host::read(block, bytes.as_mut_ptr(), bytes.len() as u32) }
    }

    pub fn write(block: u64, bytes: &[u8]) {
        // SAFETY: the host reads as many bytes as there are.
        unsafe { host::write(block, bytes.as_ptr(), bytes.len() as u32) }
    }

    pub fn load_input(bytes: &mut [u8]) {
        // SAFETY: the host writes as many bytes as there are.
        unsafe { host::input(bytes.as_mut_ptr(), bytes.len() as u32) }
    }

    pub fn output(bytes: &[u8]) {
        // SAFETY: the host reads as many bytes as there are.
        unsafe { host::output(bytes.as_ptr(), bytes.len() as u32) }
    }
}

#[cfg(feature = "extism")]
mod memory {
    mod host {
        #[link(wasm_import_module = "extism:host/env")]
        extern "C" {
            pub fn output_set(block: u64, length: u64);
            pub fn load_u64(at: u64) -> u64;
            pub fn load_u8(at: u64) -> u32;
            pub fn input_load_u64(at: u64) -> u64;
            pub fn input_load_u8(at: u64) -> u32;
            pub fn store_u64(at: u64, value: u64);
            pub fn store_u8(at: u64, value: u32);
        }
    }

    type Load<T> = unsafe extern "C" fn(u64) -> T;

    fn load(bytes: &mut [u8], from: u64, word: Load<u64>, byte: Load<u32>) {
        let mut at = from;
        let mut words = bytes.chunks_exact_mut(8);
        for to in &mut words {
            // SAFETY: the host checks the place.
            to.copy_from_slice(&unsafe { word(at) }.to_le_bytes());
            at += 8;
        }
        for to in words.into_remainder() {
            // SAFETY: the host checks the place.
            *to = unsafe { byte(at) } as u8;
            at += 1;
        }
    }

    pub fn read(block: u64, bytes: &mut [u8]) {
        load(bytes, block, host::load_u64, host::load_u8);
    }

    pub fn load_input(bytes: &mut [u8]) {
        load(bytes, 0, host::input_load_u64, host::input_load_u8);
    }

    pub fn write(block: u64, bytes: &[u8]) {
        let mut at = block;
        let words = bytes.chunks_exact(8);
        let rest = words.remainder();
        for word in words {
            let word = word.try_into().map_or(0, u64::from_le_bytes);
            // SAFETY: the host checks the place.
            unsafe { host::store_u64(at, word) };
            at += 8;
        }
        for &byte in rest {
            // SAFETY: the host checks the place.
            unsafe { host::store_u8(at, byte.into()) };
            at += 1;
        }
    }

    pub fn output(bytes: &[u8]) {
        let block = super::store(bytes);
        // SAFETY: the block holds so many bytes, and the host takes it over.
        unsafe { host::output_set(block, bytes.len() as u64) }
    }
}
