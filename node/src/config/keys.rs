//! Every key, with its type, its default and what it is for. This list is the struct, the environment, the flags of
//! `serve` and the commented default file.

use std::net::SocketAddr;
use std::path::PathBuf;

use libp2p::{Multiaddr, PeerId};

use super::amounts::{Epochs, Fil};
use super::table::{Key, settings};
use super::types::{Cpu, HostName, Label, Listed, LogFilter, LogFormat, LogLevel, Percent, Span};
use super::value::{Raw, Setting};
use crate::cas::unixfs::import::Profile;
use crate::compute::Locality;
use crate::job::{Distinct, DrawMode};
use crate::publisher::filecoin::Address;
use crate::storage::{Fetch, Template, UnsealedVerify};
use bacalhau_values::{Secret, Size};

settings! {
    /// The node itself.
    node: NodeSettings {
        /// Where it keeps its key, its jobs, its blocks and what it publishes. Several commands may use it at once, but
        /// one server only. By default `bacalhau` in `$XDG_DATA_HOME` or in ~/.local/share.
        data_dir: Option<PathBuf> = "", flag "data-dir", env "BACALHAU_DIR";
        /// What people call it. By default it has its peer ID only.
        name: Option<String> = "", flag "name";
        /// What its operator says of it, as KEY=VALUE, for others to see. Nobody checks it.
        labels: Vec<Label> = "", flag "labels";
    }

    /// The HTTP API: who can reach it can submit jobs.
    api: ApiSettings {
        /// Where it listens. Port 0 takes a free one.
        listen: SocketAddr = "127.0.0.1:1234";
        /// Names under which the API may be used, such as that of a proxy in front of it, beside `localhost` and addresses. On
        /// loopback, requests under other names are rejected, since a web page can make a name of its own lead here. Elsewhere
        /// they are rejected where a name is given here.
        allowed_hosts: Vec<HostName> = "", flag "api-allowed-host";
        /// File with the tokens that every request has to have one of: one a line, with ` read` behind it where it may only look.
        /// Only its owner may be able to read it. Set it where the API listens beyond loopback. Read at the start.
        token_file: Option<PathBuf> = "", flag "api-token-file";
        /// PEM file with the certificate of the API, then those that lead to its CA. The API then speaks TLS (`https://`) only. Read at
        /// the start: restart the node when the certificate is renewed.
        tls_cert: Option<PathBuf> = "", flag "api-tls-cert";
        /// PEM file with the private key of that certificate, which not all users may be able to read.
        tls_key: Option<PathBuf> = "", flag "api-tls-key";
        /// Connections at once; more wait.
        max_connections: u32 = "256", flag "api-max-connections";
        /// Requests of one client address in a second, on the average.
        requests_per_second: u32 = "500", flag "api-requests-per-second";
        /// Jobs of one client in a second, on the average.
        jobs_per_second: u32 = "100", flag "api-jobs-per-second";
        /// Largest upload of data.
        max_upload: Size = "16GiB", flag "api-max-upload";
    }

    /// The network of nodes.
    swarm: SwarmSettings {
        /// Where other nodes connect, TCP and QUIC.
        listen: Vec<Multiaddr> = "/ip4/0.0.0.0/tcp/1235,/ip4/0.0.0.0/udp/1235/quic-v1", flag "listen";
        /// Nodes to connect to and to keep in touch with: multiaddrs that end in /p2p/ID. `none`, or nothing, waits for
        /// others to connect.
        peers: Vec<String> = "", flag "peer", env "BACALHAU_PEER";
        /// Closed cluster: nobody but these peer IDs may connect. Nothing lets everybody.
        allow_peers: Vec<PeerId> = "", flag "allow-peer";
        /// Connections that one address (IPv4, or a /64 of IPv6) may have made to this node at once, of 256 in all. More is
        /// of use where many nodes are behind one address.
        max_connections_per_address: u32 = "64", flag "swarm-max-connections-per-address";
        /// Find nodes in the local network. It tells everybody there of this node.
        mdns: bool = "false", flag "mdns";
        /// Others can connect where this node listens. It then helps them to find each other at once, and not only when
        /// somebody has tried.
        reachable: bool = "false", flag "reachable";
        /// Relays through which others reach this node where they cannot connect to it: multiaddrs that end in /p2p/ID.
        relays: Vec<Multiaddr> = "", flag "relay";
        /// Carry connections of nodes behind NAT, as soon as this node is known to be reachable.
        relay_server: bool = "false", flag "relay-server";
    }

    /// Running jobs of others.
    compute: ComputeSettings {
        /// Whether this node bids on jobs.
        enabled: bool = "true", flag "compute";
        /// Processors that all executions together may take. By default all. A WebAssembly run takes a whole one.
        total_cpu: Option<Cpu> = "", flag "limit-total-cpu";
        /// Memory that all executions together may take. By default all.
        total_memory: Option<Size> = "", flag "limit-total-memory";
        /// Disk that all executions together may take. By default the size of the file system where the data is kept. More
        /// than is free at the time is never promised.
        total_disk: Option<Size> = "", flag "limit-total-disk";
        /// Processors that one execution may take. By default as many as all. A WebAssembly run takes a whole one, whatever its job
        /// asks for: with less than 1, this node bids on none.
        job_cpu: Option<Cpu> = "", flag "limit-job-cpu";
        /// Memory that one execution may take. By default as much as all.
        job_memory: Option<Size> = "", flag "limit-job-memory";
        /// Disk that one execution may take: outputs, temporary files and logs together. One that needs more fails on this
        /// node. By default as much as all.
        job_disk: Option<Size> = "", flag "limit-job-disk";
        /// Memory of this machine that one WebAssembly execution may have kept beside the program's own: for names, links,
        /// listings, open files and tables. One that needs more fails on this node. By default 64 MiB and half of what the job
        /// gives the program.
        job_host_memory: Option<Size> = "", flag "limit-job-host-memory";
        /// Bid on jobs of which every input is on this machine already (`local`), or fetch what is missing (`anywhere`).
        locality: Locality = "local", flag "job-selection-data-locality";
        /// Never bid on jobs without inputs.
        reject_stateless: bool = "false", flag "job-selection-reject-stateless";
        /// URL that is asked for each job, by a POST of it as JSON: any answer but 200 is a veto.
        probe_http: Option<String> = "", flag "job-selection-probe-http";
        /// Command that is asked for each job, which it gets as JSON on standard input: any exit code but 0 is a veto.
        probe_exec: Option<String> = "", flag "job-selection-probe-exec";
        /// Directories of this machine from which jobs may read: of other paths, no job sees anything.
        allow_listed_local_paths: Vec<PathBuf> = "", flag "allow-listed-local-paths";
        /// Largest time-out of a job. A job with a larger number than one of these is not bid on, and the log says which number it
        /// is.
        max_timeout: Span = "24h", flag "max-job-timeout";
        /// Largest module of a job (`limits.module_bytes`).
        max_module: Size = "256MiB", flag "max-job-module";
        /// Most elements of the tables of a job (`limits.table_elements`).
        max_table_elements: u32 = "10000000", flag "max-job-table-elements";
        /// Most descriptors that a job may have open at once (`limits.open_files`).
        max_open_files: u32 = "4096", flag "max-job-open-files";
        /// Largest outputs of a job (`limits.output_bytes`).
        max_output: Size = "16GiB", flag "max-job-output";
        /// Most files, directories and links in the outputs of a job (`limits.output_files`).
        max_output_files: u32 = "1000000", flag "max-job-output-files";
        /// Largest standard output and standard error of a job, together (`limits.log_bytes`).
        max_log: Size = "1GiB", flag "max-job-log";
        /// Most arguments of a job.
        max_args: u32 = "4096", flag "max-job-args";
        /// Largest size of all arguments of a job, with one byte for the end of each.
        max_args_size: Size = "128KiB", flag "max-job-args-size";
        /// Most environment variables of a job.
        max_env: u32 = "1024", flag "max-job-env";
        /// Largest size of the environment of a job, with two bytes for the ends of each name and value.
        max_env_size: Size = "128KiB", flag "max-job-env-size";
        /// How long an offer may stay unanswered before its capacity is given to other jobs. It may be renewed.
        offer_time: Span = "15s", flag "offer-time";
        /// Longest bidding of a job of which this node takes notice. A longer one counts as this.
        max_bidding: Span = "1m", flag "max-bidding-time";
        /// Unanswered offers for jobs of one requester may hold this percentage of this node's capacity. One offer may always
        /// be open. 1 to 100.
        requester_offers: Percent = "75", flag "requester-offers";
        /// Unanswered offers for jobs of one client may hold this percentage of this node's capacity. One offer may always
        /// be open. 1 to 100.
        client_offers: Percent = "50", flag "client-offers";
        /// Memory for announced jobs of which nothing runs here. Jobs of one requester may take half of it, those of one client
        /// a quarter. Jobs beyond that are not bid on.
        announced_memory: Size = "64MiB", flag "announced-jobs-memory";
        /// How long results are kept for a requester that does not ask for them.
        keep_results: Span = "1h", flag "keep-results";
        /// How long a node that is told to stop waits for executions that run. What is cut off begins anew at the next start.
        drain_time: Span = "1m", flag "drain-time";
    }

    /// Containers, where the program was built with the feature `docker`.
    docker: DockerSettings {
        /// The Unix socket of the engine that runs containers; `none` never runs any. Without an engine there, this node does
        /// not bid on such jobs.
        host: String = "unix:///var/run/docker.sock", flag "docker-host", env "DOCKER_HOST";
    }

    /// Answering for jobs of clients.
    requester: RequesterSettings {
        /// Whether this node takes jobs.
        enabled: bool = "true", flag "requester";
        /// How long a shard waits for enough bids, and for replacements. At most 10m.
        bidding: Span = "30s", flag "bidding-time";
        /// Heartbeat timeout of an execution: after so long without one it is given up. Providers are told, and send a
        /// heartbeat in every third of it. At least 3s.
        silence: Span = "1m", flag "silence-time";
        /// How long an execution may take beyond the time-out of its job.
        grace: Span = "1m", flag "grace-time";
        /// How long a winner may take to publish.
        publishing: Span = "10m", flag "publishing-time";
        /// Executions of one shard in all, as a multiple of its concurrency: bounds replacements.
        tries: u16 = "3", flag "tries";
        /// After how long without any progress a job says why.
        stalled: Span = "5s", flag "stalled-time";
        /// How often a job that lacks bids is announced again.
        announce_every: Span = "2s", flag "announce-every";
        /// Which bidders count as one, for jobs that do not say it (--distinct): `none`, `prefix` or `operator`. By default
        /// `prefix`; `none` in a closed cluster and where this node listens on loopback only.
        distinct: Option<Distinct> = "", flag "default-distinct";
        /// How bidders are drawn, for jobs that do not say it (--draw): `fast` or `fair`. By default `fair`; `fast` in a closed
        /// cluster and where this node listens on loopback only.
        draw: Option<DrawMode> = "", flag "default-draw";
        /// After how long bidding closes in a fair draw, and again where too few bids came. At most 1m.
        fair_bidding: Span = "2s", flag "fair-bidding-time";
        /// How long bidders may take to reveal their secrets in a fair draw. Those that do not are excluded. At most 1m.
        reveal: Span = "2s", flag "reveal-time";
        /// Relays of a drand beacon, whose rounds decide fair draws, as in `https://api.drand.sh`. Each is asked in turn. Without
        /// any, secrets of requester and bidders decide.
        beacon_urls: Vec<String> = "", flag "beacon-url";
        /// File that describes the beacon's chain: what a relay serves at `/CHAIN-HASH/info`. By default `quicknet` of the League of
        /// Entropy. Providers need it too, where the chain is another one.
        beacon_chain: Option<PathBuf> = "", flag "beacon-chain";
        /// Operators of nodes, for jobs with --distinct operator: NAME and peer ID for each node.
        operators: Vec<Listed> = "", flag "operator";
        /// How long ended jobs are remembered, with their events. Only time that this node has seen pass counts, and at most a
        /// day of the time between two runs: a wrong clock deletes nothing.
        keep_jobs_for: Span = "30d", flag "keep-jobs-for";
        /// Jobs that are remembered at most: of those that have ended, the oldest go first.
        keep_jobs_most: u32 = "100000", flag "keep-jobs-most";
        /// Bytes that the jobs of one client may take in the store of this node, with their events. A client with more can submit
        /// none. Of jobs beyond three quarters of it the oldest go first, an hour after their end at the soonest.
        client_jobs_size: Size = "256MiB", flag "client-jobs-size";
        /// How long collected results of ended jobs are kept, counted in the same way. They go with their job at the latest.
        keep_results_for: Span = "30d", flag "keep-results-for";
        /// Bytes of collected results that are kept at most: of jobs that have ended, the oldest go first.
        keep_results_most: Size = "64GiB", flag "keep-results-most";
    }

    /// Where data by CID comes from.
    storage: StorageSettings {
        /// Where unsealed copies lie: a directory, a file or a CAR for each CID, as in /var/lib/data/{{.Cid}}.
        filecoin_unsealed_path: Option<Template> = "", flag "filecoin-unsealed-path", env "BACALHAU_FILECOIN_UNSEALED_PATH";
        /// Whether unsealed directories and files are checked against their CID: never, when first used as far as that can
        /// be done (lazy), or always, refusing what cannot be proved (full). What is proved wrong is never used. Blocks of a CAR are
        /// always checked.
        unsealed_verify: UnsealedVerify = "lazy", flag "unsealed-verify";
        /// Whom to ask for blocks: /ip4/…/tcp/…/p2p/ID for a Bitswap peer, /ip4/127.0.0.1/tcp/5001 for the RPC of a kubo,
        /// `https://host` for a trustless gateway; `none` asks nobody.
        ipfs_connect: Vec<String> = "https://trustless-gateway.link", flag "ipfs-connect", env "BACALHAU_IPFS_CONNECT";
        /// Where to download what nobody else has: a CAR or a file for each CID, as in `https://host/{{.Cid}}.car`.
        cid_url: Option<Template> = "", flag "cid-url", env "BACALHAU_CID_URL";
        /// When blocks of inputs are fetched: as the program reads them (lazy), or all before it starts (eager).
        fetch: Fetch = "lazy", flag "ipfs-fetch";
        /// Bound of the block store. What is not pinned goes when there is no room.
        store_size: Size = "32GiB", flag "store-size", env "BACALHAU_STORE_SIZE";
        /// Largest file that is fetched from a URL, so that a server cannot fill the disk.
        max_download: Size = "16GiB", flag "input-bytes";
        /// The longest silence of whoever is asked for blocks.
        patience: Span = "30s", flag "ipfs-patience";
    }

    /// Where results of jobs with a publisher go.
    publisher: PublisherSettings {
        /// How results are cut into blocks, which decides their CID.
        import_profile: Profile = "kubo-cidv1", flag "import-profile";
        /// Directory of the publisher `local`. By default `published` in the data directory.
        local_dir: Option<PathBuf> = "", flag "publish-dir";
        /// URL at which that directory is served, by whoever serves it.
        local_url: Option<String> = "", flag "publish-url";
    }

    /// The publisher `estuary`: a service that speaks the IPFS Pinning Service API.
    estuary: EstuarySettings {
        /// URL below which the service has /pins. Without it, this node does not publish by `estuary`.
        endpoint: Option<String> = "", flag "estuary-endpoint";
        /// Its access token. On a command line other users of the machine see it: rather name a file, or set the
        /// variable.
        token: Option<Secret> = "", flag "estuary-api-key", env "ESTUARY_API_KEY";
        /// File with its access token, where that is not named itself.
        token_file: Option<PathBuf> = "", flag "estuary-token-file";
        /// Upload results as an archive before they are pinned, where the service takes that: `true` for
        /// /content/add-car below the endpoint, or the URL. By default the service fetches them from this node.
        add_car: Option<String> = "", flag "estuary-add-car";
    }

    /// The publisher `filecoin`: deals with a storage provider.
    filecoin: FilecoinSettings {
        /// URL of the provider's market, which runs market 2.0 of Curio: up to before /market/mk20. Without it, this node
        /// does not publish by `filecoin`.
        market: Option<String> = "", flag "filecoin-market";
        /// URL of the JSON-RPC of a Lotus node, as in `https://host/rpc/v1`: it knows the chain, and holds the wallet.
        lotus: Option<String> = "", flag "filecoin-lotus";
        /// Its token, with the permissions read and sign. There is no flag for it, since other users of the machine
        /// would see it: rather name a file, or set the variable.
        lotus_token: Option<Secret> = "";
        /// File with that token, where it is not named itself.
        lotus_token_file: Option<PathBuf> = "", flag "filecoin-lotus-token-file";
        /// The provider that deals are made with: f0….
        provider: Option<Address> = "", flag "filecoin-provider";
        /// The storage provider that this node belongs to: f0…. It is said with bids on jobs with --distinct operator, and
        /// requesters check that the chain names the peer ID of this node as that of the provider.
        miner: Option<Address> = "", flag "filecoin-miner";
        /// Signature of the provider's worker key, where the chain names another peer ID: what `lotus wallet sign` prints
        /// for the bytes that `bacalhau id --miner` prints.
        miner_signature: Option<String> = "", flag "filecoin-miner-signature";
        /// The wallet in whose name they are made, and whose `DataCap` verified deals take: the address of a key, f1… or
        /// f3….
        wallet: Option<Address> = "", flag "filecoin-wallet";
        /// For how long deals are made: as in 180d, or in epochs of 30 s. Markets take no less than 180d.
        duration: Epochs = "180d", flag "filecoin-duration";
        /// What a deal may cost this node on the chain, in FIL: the fee of the message that asks for an allocation, which
        /// a verified deal takes. Other deals send no message. What the provider takes for storing is no part of market
        /// 2.0, and is agreed on elsewhere.
        max_price: Fil = "0.07", flag "filecoin-max-price";
        /// Have the provider index the blocks, so that they can be had from it by CID.
        indexing: bool = "true", flag "filecoin-indexing";
        /// Have the provider announce the blocks to the network indexer.
        announce: bool = "false", flag "filecoin-announce";
        /// The longest pause between two questions about a deal: a sector takes hours to be sealed.
        poll: Span = "5m", flag "filecoin-poll";
        /// Where archives of deals that are under way are served, so that the provider can fetch them, as in 0.0.0.0:1236.
        /// Nothing else is there.
        serve_listen: Option<SocketAddr> = "", flag "filecoin-serve-listen";
        /// URL at which the provider reaches that, in the public network. Without it, archives are uploaded, which markets
        /// take up to 1 GiB.
        serve_url: Option<String> = "", flag "filecoin-serve-url";
    }

    /// What is written to standard error.
    log: LogSettings {
        /// For people (text), or one object a line (json).
        format: LogFormat = "text", flag "log-format";
        /// How much: error, warn, info, debug or trace.
        level: LogLevel = "info", flag "log-level", env "LOG_LEVEL";
        /// Levels by module, as `TARGET=LEVEL` separated by commas; what no target matches has `log.level`, or the level that
        /// stands without a target. Set it to see more of one part, as in `bacalhau_p2p=debug`.
        filter: Option<LogFilter> = "", flag "log-filter";
    }

    /// Commands that talk to a server.
    client: ClientSettings {
        /// Host or URL of the server that gets the jobs. Without it, `wasm run` opens nodes of its own, and other commands
        /// look for a server of this machine.
        api_host: Option<String> = "", env "BACALHAU_API_HOST", env "BACALHAU_HOST";
        /// Port of the server, where the host does not say it. By default 1234.
        api_port: Option<u16> = "", env "BACALHAU_API_PORT", env "BACALHAU_PORT";
        /// Token for the server, where it demands one.
        api_token: Option<Secret> = "", env "BACALHAU_API_TOKEN";
        /// File with that token, where it is not named itself.
        api_token_file: Option<PathBuf> = "";
        /// PEM file with the CAs whose certificates are accepted from an `https://` server. By default those of this machine.
        api_ca: Option<PathBuf> = "", env "BACALHAU_API_CA";
    }
}
