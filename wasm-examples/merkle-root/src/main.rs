//! The SHA-256 Merkle root (RFC 6962) of the files below `/inputs`, cut into chunks: `roots.csv`, and `proof.txt` for
//! one chunk if asked, which convinces anybody who knows the root that the chunk is part of the file.
//!
//! Files are streamed: memory is one chunk and a few hashes, however long the file. This is the plain binary tree of
//! Certificate Transparency; it is neither the `UnixFS` tree of IPFS nor the piece commitment of Filecoin.

mod hash;
mod options;
mod proof;
mod tree;

use guest::{InputFile, Job, Problem, Result, text::csv_field};
use hash::{hex, leaf_hash};
use options::Options;
use proof::Proof;
use std::{
    io::{Read, Write},
    process::ExitCode,
};
use tree::Tree;

const USAGE: &str = "merkle-root [--chunk-size BYTES] [--proof FILE:CHUNK] [FILE...]
       FILE: a path below /inputs, all files if none is given; BYTES: 1024 if not given; CHUNK: from 0";

fn main() -> ExitCode {
    guest::run(USAGE, write_roots)
}

fn write_roots(job: &Job, out: &mut dyn Write) -> Result<()> {
    let options = Options::parse(job.parser())?;
    let mut csv = String::from("file,bytes,chunk_size,chunks,root\n");
    for file in options.choose(job.input_files()?)? {
        let (tree, bytes) = read_tree(&file, options.chunk_size, options.proof_chunk(&file))?;
        let (chunks, root) = (tree.leaves(), hex(&tree.root()));
        csv.push_str(&format!("{},{bytes},{},{chunks},{root}\n", csv_field(&file.name), options.chunk_size));
        writeln!(out, "{root}  {}", file.name)?;
        if let Some(chunk) = options.proof_chunk(&file) {
            write_proof(job, &file, &options, tree)?;
            writeln!(out, "proof that chunk {chunk} is part of it: proof.txt")?;
        }
    }
    job.write_output("roots.csv", csv.as_bytes())
}

/// The tree over a whole file, and how long the file is.
fn read_tree(file: &InputFile, chunk_size: usize, proof: Option<u64>) -> Result<(Tree, u64)> {
    let mut reader = file.open()?;
    let mut tree = Tree::new(proof);
    let (mut chunk, mut bytes) = (Vec::with_capacity(chunk_size), 0);
    loop {
        chunk.clear();
        let limit = chunk_size as u64;
        let read = reader.by_ref().take(limit).read_to_end(&mut chunk);
        match read.map_err(|error| Problem::reading(&file.path, &error))? {
            0 => return Ok((tree, bytes)),
            length => bytes += length as u64,
        }
        tree.add_leaf(leaf_hash(&chunk));
    }
}

fn write_proof(job: &Job, file: &InputFile, options: &Options, tree: Tree) -> Result<()> {
    let leaves = tree.leaves();
    let Some(proof) = Proof::of(tree) else {
        return Err(Problem::Usage(format!("--proof: {} has {leaves} chunks, counted from 0", file.name)));
    };
    job.write_output("proof.txt", proof.as_text(&file.name, options.chunk_size).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn roots_of(content: &[u8], args: &[&str]) -> std::io::Result<(Result<()>, String, String)> {
        let root = tempfile::tempdir()?;
        let job = Job {
            inputs: root.path().join("in"),
            outputs: root.path().join("out"),
            args: args.iter().map(Into::into).collect(),
        };
        fs::create_dir(&job.inputs)?;
        fs::write(job.inputs.join("a.bin"), content)?;
        let outcome = write_roots(&job, &mut Vec::new());
        let output = |name| fs::read_to_string(job.outputs.join(name)).unwrap_or_default();
        Ok((outcome, output("roots.csv"), output("proof.txt")))
    }

    #[test]
    fn a_file_is_cut_into_chunks() -> std::io::Result<()> {
        let (outcome, roots, proof) = roots_of(b"abcdefg", &["--chunk-size=2", "--proof=a.bin:3"])?;
        assert_eq!(outcome, Ok(()));
        assert!(roots.contains("\na.bin,7,2,4,"), "{roots}");
        assert!(proof.starts_with("file: a.bin\nchunk-size: 2\nchunks: 4\nchunk: 3\n"), "{proof}");
        Ok(())
    }

    #[test]
    fn an_empty_file_has_the_root_of_nothing() -> std::io::Result<()> {
        assert!(roots_of(b"", &[])?.1.contains("\na.bin,0,1024,0,e3b0c44298fc1c14"));
        Ok(())
    }

    #[test]
    fn what_is_not_there_is_refused() -> std::io::Result<()> {
        for args in [&["--proof=a.bin:1"][..], &["--chunk-size=0"], &["--proof=a.bin"], &["--proof=b.bin:0", "a.bin"]] {
            assert!(matches!(roots_of(b"x", args)?.0, Err(Problem::Usage(_))), "{args:?}");
        }
        assert!(matches!(roots_of(b"x", &["b.bin"])?.0, Err(Problem::Input(_))));
        Ok(())
    }
}
