//! Every key with its type, default and purpose. The struct, the environment variables, the flags of `serve` and the
//! commented default file follow from this list.

use std::net::SocketAddr;
use std::path::PathBuf;

use libp2p::{Multiaddr, PeerId};

use super::amounts::{Epochs, Fil};
use super::table::{Key, settings};
use super::types::{
    Claim, Cpu, Dispatch, HostName, HumanDuration, Label, Listed, LogFilter, LogFormat, LogLevel, Percent, Turns,
};
use super::value::{RawValue, Setting};
use bacalhau_cas::unixfs::import::Profile;
use bacalhau_compute::Locality;
use bacalhau_job::{Distinct, DrawMode};
use bacalhau_objects::ObjectUrl;
use bacalhau_publisher::filecoin::Address;
use bacalhau_publisher::pdp::{EthAddress, Uint256};
use bacalhau_storage::{Fetch, Template, UnsealedVerify};
use bacalhau_values::{Secret, Size};

settings! {
    /// Identity and data of the node.
    node: NodeSettings {
        /// Data directory: key, jobs, blocks and published results. Several commands may use it at once, but only one
        /// server. Default: `bacalhau` in `$XDG_DATA_HOME` or in ~/.local/share.
        data_dir: Option<PathBuf> = "", flag "data-dir", env "BACALHAU_DIR";
        /// Display name of the node. Default: none; the peer ID identifies the node.
        name: Option<String> = "", flag "name";
        /// Labels of this node as KEY=VALUE, shown to other nodes. They are not verified.
        labels: Vec<Label> = "", flag "labels";
    }

    /// The HTTP API. Any client that can reach it can submit jobs unless `token_file` is set.
    api: ApiSettings {
        /// Address and port of the API. Port 0 selects a free port.
        listen: SocketAddr = "127.0.0.1:1234";
        /// Host names under which the API is used, such as that of a reverse proxy, in addition to `localhost` and IP
        /// addresses. On loopback, requests with other host names are rejected (DNS rebinding). On other addresses they
        /// are rejected only if this list is set.
        allowed_hosts: Vec<HostName> = "", hidden "api-allowed-host";
        /// File with access tokens, one a line; append ` read` for read-only access. Every request then needs one. Only
        /// the owner may have read permission. Set it if the API listens beyond loopback. Read again
        /// when it changes.
        token_file: Option<PathBuf> = "", flag "api-token-file";
        /// PEM file with the API's certificate chain, leaf first. The API then accepts TLS (`https://`) only. Read
        /// again when it changes.
        tls_cert: Option<PathBuf> = "", flag "api-tls-cert";
        /// PEM file with the private key of `tls_cert`. It must not be readable by all users.
        tls_key: Option<PathBuf> = "", flag "api-tls-key";
        /// Maximum number of open connections; further ones wait.
        max_connections: u32 = "256", hidden "api-max-connections";
        /// Maximum requests a second from one client address, on average.
        requests_per_second: u32 = "500", hidden "api-requests-per-second";
        /// Maximum jobs a second from one client, on average.
        jobs_per_second: u32 = "100", hidden "api-jobs-per-second";
        /// Maximum size of uploaded data.
        max_upload: Size = "16GiB", hidden "api-max-upload";
    }

    /// The peer-to-peer network.
    swarm: SwarmSettings {
        /// Listen addresses for other nodes, TCP and QUIC.
        listen: Vec<Multiaddr> = "/ip4/0.0.0.0/tcp/1235,/ip4/0.0.0.0/udp/1235/quic-v1", flag "listen";
        /// Nodes to connect to and stay connected to: multiaddrs that end in /p2p/ID. Empty or `none`: do not dial,
        /// only accept connections.
        peers: Vec<String> = "", flag "peer", env "BACALHAU_PEER";
        /// Closed cluster: only these peer IDs may connect. Empty: any peer may connect.
        allow_peers: Vec<PeerId> = "", flag "allow-peer";
        /// Maximum inbound connections from one address (IPv4, or a /64 of IPv6), of 256 in all. Raise it if many nodes
        /// share one address.
        max_connections_per_address: u32 = "64", hidden "swarm-max-connections-per-address";
        /// Discover nodes in the local network by mDNS. This also announces the node there.
        mdns: bool = "false", flag "mdns";
        /// Assert that other nodes can reach the listen addresses. The node then acts as a public DHT server at once,
        /// without waiting for the reachability check.
        reachable: bool = "false", flag "reachable";
        /// Relays through which other nodes reach this one behind NAT: multiaddrs that end in /p2p/ID.
        relays: Vec<Multiaddr> = "", flag "relay";
        /// Relay connections of nodes behind NAT, once this node is known to be reachable.
        relay_server: bool = "false", hidden "relay-server";
    }

    /// Running jobs of others (provider).
    compute: ComputeSettings {
        /// Bid on jobs and run them.
        enabled: bool = "true", flag "compute";
        /// CPU for all executions together. Default: all cores. A WebAssembly run takes one whole core.
        total_cpu: Option<Cpu> = "", flag "limit-total-cpu";
        /// Memory for all executions together. Default: all.
        total_memory: Option<Size> = "", flag "limit-total-memory";
        /// Disk space for all executions together. Default: the size of the file system of the data directory. The node
        /// never promises more than what is free.
        total_disk: Option<Size> = "", flag "limit-total-disk";
        /// CPU for one execution. Default: `total_cpu`. A WebAssembly run takes one whole core, so below 1 the node
        /// does not bid on such jobs.
        job_cpu: Option<Cpu> = "", hidden "limit-job-cpu";
        /// Memory for one execution. Default: `total_memory`.
        job_memory: Option<Size> = "", hidden "limit-job-memory";
        /// Disk space for one execution: outputs, temporary files and logs together. An execution beyond it fails on
        /// this node. Default: `total_disk`.
        job_disk: Option<Size> = "", hidden "limit-job-disk";
        /// Host memory for one WebAssembly execution beside the guest's own: names, links, listings, open files and
        /// tables. An execution beyond it fails on this node. Default: 64 MiB plus half of the job's memory limit.
        job_host_memory: Option<Size> = "", hidden "limit-job-host-memory";
        /// Bid only on jobs whose inputs are all on this machine (`local`), or also fetch inputs (`anywhere`).
        locality: Locality = "local", flag "job-selection-data-locality";
        /// Do not bid on jobs without inputs.
        reject_stateless: bool = "false", hidden "job-selection-reject-stateless";
        /// URL to which each job is posted as JSON before a bid. Any status other than 200 rejects the job.
        probe_http: Option<String> = "", hidden "job-selection-probe-http";
        /// Command that receives each job as JSON on standard input before a bid. Any exit code other than 0 rejects
        /// the job.
        probe_exec: Option<String> = "", hidden "job-selection-probe-exec";
        /// Directories of this machine from which jobs may read. All other local paths are rejected.
        allow_listed_local_paths: Vec<PathBuf> = "", flag "allow-listed-local-paths";
        /// Maximum timeout of a job. Jobs beyond this or another maximum are rejected; the log names the maximum.
        max_timeout: HumanDuration = "24h", hidden "max-job-timeout";
        /// Maximum size of a job's module (`limits.module_bytes`).
        max_module: Size = "256MiB", hidden "max-job-module";
        /// Maximum table elements of a job (`limits.table_elements`).
        max_table_elements: u32 = "10000000", hidden "max-job-table-elements";
        /// Maximum open descriptors of a job (`limits.open_files`).
        max_open_files: u32 = "4096", hidden "max-job-open-files";
        /// Maximum size of a job's outputs (`limits.output_bytes`).
        max_output: Size = "16GiB", hidden "max-job-output";
        /// Maximum number of files, directories and links in a job's outputs (`limits.output_files`).
        max_output_files: u32 = "1000000", hidden "max-job-output-files";
        /// Maximum size of a job's standard output and standard error together (`limits.log_bytes`).
        max_log: Size = "1GiB", hidden "max-job-log";
        /// Maximum number of a job's arguments.
        max_args: u32 = "4096", hidden "max-job-args";
        /// Maximum size of a job's arguments together, with one byte for the end of each.
        max_args_size: Size = "128KiB", hidden "max-job-args-size";
        /// Maximum number of a job's environment variables.
        max_env: u32 = "1024", hidden "max-job-env";
        /// Maximum size of a job's environment, with two bytes for the ends of each name and value.
        max_env_size: Size = "128KiB", hidden "max-job-env-size";
        /// Time after which an unanswered offer lapses and frees its capacity. It may be renewed.
        offer_time: HumanDuration = "15s", hidden "offer-time";
        /// Maximum bidding time that this node accepts from a requester. Longer ones are cut to it.
        max_bidding: HumanDuration = "1m", hidden "max-bidding-time";
        /// Percentage of this node's capacity that unanswered offers to one requester may hold, 1 to 100. One offer is
        /// always allowed.
        requester_offers: Percent = "75", hidden "requester-offers";
        /// Percentage of this node's capacity that unanswered offers for jobs of one client may hold, 1 to 100. One
        /// offer is always allowed.
        client_offers: Percent = "50", hidden "client-offers";
        /// Memory for announced jobs without an execution here. One requester may use half of it, one client a quarter.
        /// Jobs beyond it are rejected.
        announced_memory: Size = "64MiB", hidden "announced-jobs-memory";
        /// How long results are kept for a requester that does not fetch them.
        keep_results: HumanDuration = "1h", hidden "keep-results";
        /// How long a stopping node waits for running executions. Executions that are cut off restart with the node.
        drain_time: HumanDuration = "1m", flag "drain-time";
        /// Where executions run: `local`, on this machine; `slurm` or `kubernetes`, as jobs of a cluster. With a
        /// cluster, `total_cpu` and `total_memory` have to be set, and containers are not run. `kubernetes` needs a build
        /// with the feature `kubernetes`.
        dispatcher: Dispatch = "local", hidden "dispatcher";
    }

    /// Workers of a cluster, if `compute.dispatcher` is not `local`.
    cluster: ClusterSettings {
        /// Directory that this node and all workers see at the same path. Each node makes a directory of its own in it. A
        /// user who can write there can forge results of this node.
        dir: Option<PathBuf> = "", hidden "cluster-dir";
        /// Path of the program `bacalhau` on the workers, of the same version. Default: that of this node; with
        /// Kubernetes, the entry point of the image.
        program: Option<PathBuf> = "", hidden "cluster-program";
        /// Interval at which the jobs of all executions are listed, by one request. Minimum 1s.
        poll: HumanDuration = "5s", hidden "cluster-poll";
        /// Memory that a worker requests in addition to the memory of its job: for compiling, and for files that the
        /// program has open. Where a scheduler enforces memory, a worker beyond it is killed, which counts as a failure
        /// of this node.
        overhead: Size = "512MiB", hidden "cluster-overhead";
    }

    /// Slurm, if `compute.dispatcher` is `slurm`.
    slurm: SlurmSettings {
        /// Partition. Default: the default partition of the cluster.
        partition: Option<String> = "", hidden "slurm-partition";
        /// Further options of sbatch, as in `--account=lab`. They cannot replace the limits of a job.
        options: Vec<String> = "", hidden "slurm-option";
        /// Directory of sbatch, squeue and scancel. Default: they are looked up in PATH.
        bin_dir: Option<PathBuf> = "", hidden "slurm-bin-dir";
    }

    /// Kubernetes, if `compute.dispatcher` is `kubernetes`.
    kubernetes: KubernetesSettings {
        /// Image of workers, with this version of `bacalhau` as its entry point.
        image: Option<String> = "", hidden "kubernetes-image";
        /// Persistent volume claim that holds `cluster.dir`, as CLAIM=PATH with the path at which it is mounted. Many pods
        /// write to it (`ReadWriteMany`).
        shared: Option<Claim> = "", hidden "kubernetes-shared";
        /// Further claims with inputs, as CLAIM=PATH, which workers read only.
        data: Vec<Claim> = "", hidden "kubernetes-data";
        /// Namespace of the jobs. Default: that of this pod, or of the current context.
        namespace: Option<String> = "", hidden "kubernetes-namespace";
        /// Configuration file of the client. Default: the service account of this pod, KUBECONFIG or ~/.kube/config.
        kubeconfig: Option<PathBuf> = "", hidden "kubernetes-kubeconfig";
        /// Service account of workers, whose token they do not receive. Default: that of the namespace.
        service_account: Option<String> = "", hidden "kubernetes-service-account";
        /// Attempts of a job after a first one that failed; evictions do not count.
        retries: u32 = "2", hidden "kubernetes-retries";
    }

    /// Containers. Needs a build with the feature `docker`.
    docker: DockerSettings {
        /// Unix socket of the container engine; `none` disables containers. Without an engine the node does not bid on
        /// container jobs.
        host: String = "unix:///var/run/docker.sock", flag "docker-host", env "DOCKER_HOST";
    }

    /// Managing jobs of clients (requester).
    requester: RequesterSettings {
        /// Accept jobs from clients.
        enabled: bool = "true", flag "requester";
        /// How long a shard waits for enough bids, and for bids of replacements. Maximum 10m.
        bidding: HumanDuration = "30s", hidden "bidding-time";
        /// How long a job waits for providers that would run it and are busy, from its submission, for jobs without
        /// --queue-timeout. 0s: jobs do not wait longer than for bids.
        queue_timeout: HumanDuration = "1h", hidden "queue-timeout-default";
        /// Maximum jobs that look for providers at once; the others wait for their turn. Clients take turns.
        bidding_jobs: u32 = "64", hidden "bidding-jobs";
        /// Maximum jobs that have not found all of their providers. Beyond it the API answers 429.
        queued_jobs: u32 = "20000", hidden "queued-jobs";
        /// Maximum such jobs of one client. Beyond it the API answers 429.
        client_queued_jobs: u32 = "5000", hidden "client-queued-jobs";
        /// Turns of clients in each round: `TURNS=CLIENT_ID` for each client, as in 4=12D3Koo…. Other clients have one.
        client_turns: Vec<Turns> = "", hidden "client-turns";
        /// Heartbeat timeout of an execution. Providers send a heartbeat in every third of it; a silent execution is
        /// replaced. Minimum 3s.
        silence: HumanDuration = "1m", hidden "silence-time";
        /// Time allowed for an execution beyond the timeout of its job.
        grace: HumanDuration = "1m", hidden "grace-time";
        /// Time allowed for the publication by one winner.
        publishing: HumanDuration = "10m", hidden "publishing-time";
        /// Maximum executions of one shard, as a multiple of its concurrency. Bounds replacements.
        tries: u16 = "3", hidden "tries";
        /// Time without progress after which a job reports the reason.
        stalled: HumanDuration = "5s", hidden "stalled-time";
        /// Interval at which a job that lacks bids is announced again.
        announce_every: HumanDuration = "2s", hidden "announce-every";
        /// Which nodes count as one bidder, for jobs without --distinct: `none`, `prefix` or `operator`. Default:
        /// `prefix`; `none` in a closed cluster and if this node listens on loopback only.
        distinct: Option<Distinct> = "", hidden "default-distinct";
        /// How bidders are drawn, for jobs without --draw: `fast` or `fair`. Default: `fair`; `fast` in a closed
        /// cluster and if this node listens on loopback only.
        draw: Option<DrawMode> = "", hidden "default-draw";
        /// Bidding time of a fair draw, and of each repetition with too few bids. Maximum 1m.
        fair_bidding: HumanDuration = "2s", hidden "fair-bidding-time";
        /// Time in which bidders reveal their secrets in a fair draw. Bidders that do not are excluded. Maximum 1m.
        reveal: HumanDuration = "2s", hidden "reveal-time";
        /// Relays of a drand beacon that decides fair draws, as in `https://api.drand.sh`, tried in order. Empty:
        /// secrets of requester and bidders decide.
        beacon_urls: Vec<String> = "", hidden "beacon-url";
        /// File with the description of the beacon's chain, as a relay serves it at `/CHAIN-HASH/info`. Default:
        /// `quicknet` of the League of Entropy. Providers need it too if the chain is another one.
        beacon_chain: Option<PathBuf> = "", hidden "beacon-chain";
        /// Operators of nodes, for jobs with `--distinct operator`: `NAME=PEER_ID` for each node.
        operators: Vec<Listed> = "", hidden "operator";
        /// How long ended jobs and their events are kept. Only time that this node has observed counts, and at most one
        /// day of the time between two runs, so a wrong clock deletes nothing.
        keep_jobs_for: HumanDuration = "30d", hidden "keep-jobs-for";
        /// Maximum number of jobs that are kept. The oldest ended jobs are deleted first.
        keep_jobs_most: u32 = "100000", hidden "keep-jobs-most";
        /// Maximum size of one client's jobs and their events in the store. At the maximum, new jobs of the client are
        /// rejected. Beyond three quarters of it, the oldest are deleted, at the earliest one hour after their end.
        client_jobs_size: Size = "256MiB", hidden "client-jobs-size";
        /// How long collected results of ended jobs are kept, counted like `keep_jobs_for`. They are deleted with their
        /// job at the latest.
        keep_results_for: HumanDuration = "30d", hidden "keep-results-for";
        /// Maximum size of collected results. Those of the oldest ended jobs are deleted first.
        keep_results_most: Size = "64GiB", hidden "keep-results-most";
    }

    /// Sources of data by CID.
    storage: StorageSettings {
        /// Path template of unsealed copies: a directory, a file or a CAR for each CID, as in /var/lib/data/{{.Cid}}.
        filecoin_unsealed_path: Option<Template> = "", flag "filecoin-unsealed-path", env "BACALHAU_FILECOIN_UNSEALED_PATH";
        /// Check of unsealed directories and files against their CID: `never`; `lazy`, at first use if the data can be
        /// checked; `full`, and reject data that cannot be checked. Data with a wrong CID is never used. Blocks of a
        /// CAR are always checked. Of pieces: `lazy`, all of a piece once and then each part that is read; `full`, all of
        /// each copy once too.
        unsealed_verify: UnsealedVerify = "lazy", hidden "unsealed-verify";
        /// Sources of blocks, asked first: /ip4/…/tcp/…/p2p/ID for a Bitswap peer, /ip4/127.0.0.1/tcp/5001 for the RPC of
        /// a kubo, `https://host` for a trustless gateway. `none` disables fetching. Empty: the providers that routers
        /// name are asked.
        ipfs_connect: Vec<String> = "", flag "ipfs-connect", env "BACALHAU_IPFS_CONNECT";
        /// Routers that are asked for the providers of a CID: `https://host` for one with the Routing V1 API, `local` for a kubo or
        /// rainbow on this machine. `none` asks none. Default: `https://cid.contact` and `local`; none if `ipfs_connect`
        /// is set.
        ipfs_router: Vec<String> = "", flag "ipfs-router", env "BACALHAU_IPFS_ROUTER";
        /// Contact providers that routers name at private and loopback addresses. Set it if the router is your own.
        ipfs_router_private: bool = "false", hidden "ipfs-router-private", env "BACALHAU_IPFS_ROUTER_PRIVATE";
        /// URL template to download CIDs that no other source has: a CAR or a file for each, as in
        /// `https://host/{{.Cid}}.car`.
        cid_url: Option<Template> = "", flag "cid-url", env "BACALHAU_CID_URL";
        /// Path templates of pieces of Filecoin: a file for each piece CID, as in `/data/pieces/{{.PieceCid}}`. Also
        /// `{{.PieceCidV1}}` for its CID of version 1, and `{{.Number}}` for its number in `piece_numbers`.
        piece_paths: Vec<Template> = "", flag "piece-path", env "BACALHAU_PIECE_PATH";
        /// File with numbers of pieces, such as those of their sectors: a piece CID and a number a line. Maximum 64 MiB.
        /// It is read again when it has changed.
        piece_numbers: Option<PathBuf> = "", flag "piece-numbers", env "BACALHAU_PIECE_NUMBERS";
        /// URL templates of pieces of Filecoin, asked after `piece_paths`, as in `https://provider/piece/{{.PieceCid}}`.
        piece_urls: Vec<Template> = "", flag "piece-url", env "BACALHAU_PIECE_URL";
        /// Prefixes of object stores from which jobs may read, as in `s3://BUCKET/PREFIX`; also `gs://` and `az://`. Jobs read with
        /// the credentials of this node (`AWS_*`, `GOOGLE_*`, `AZURE_*` in its environment), so that what is below them is public
        /// to everybody who submits jobs. Empty: none.
        object_stores: Vec<ObjectUrl> = "", hidden "object-store", env "BACALHAU_OBJECT_STORES";
        /// When blocks of inputs are fetched: `lazy`, as the program reads them; `eager`, all before it starts.
        fetch: Fetch = "lazy", hidden "ipfs-fetch";
        /// Maximum size of the block store. Blocks that are not pinned are evicted when it is full.
        store_size: Size = "32GiB", flag "store-size", env "BACALHAU_STORE_SIZE";
        /// Maximum size of a file that is downloaded from a URL.
        max_download: Size = "16GiB", hidden "input-bytes";
        /// Idle timeout for block requests.
        patience: HumanDuration = "30s", hidden "ipfs-patience";
    }

    /// Publishing of results.
    publisher: PublisherSettings {
        /// Import profile that cuts results into blocks. It determines their CID.
        import_profile: Profile = "kubo-cidv1", hidden "import-profile";
        /// Directory of the publisher `local`. Default: `published` in the data directory.
        local_dir: Option<PathBuf> = "", hidden "publish-dir";
        /// Public URL of the directory of the publisher `local`. A web server of yours serves it.
        local_url: Option<String> = "", hidden "publish-url";
        /// Prefix of an object store for the publisher `s3`, as in `s3://BUCKET/PREFIX`; also `gs://` and `az://`. Credentials
        /// and endpoint are those of the environment: `AWS_*`, `GOOGLE_*`, `AZURE_*`. Empty: no such publisher.
        object_store: Option<ObjectUrl> = "", hidden "publish-object-store", env "BACALHAU_PUBLISH_OBJECT_STORE";
    }

    /// Announcing of data to indexers. Off by default.
    announce: AnnounceSettings {
        /// Address at which indexers of IPNI fetch this node's advertisements over HTTP, as in 0.0.0.0:1237. An
        /// advertisement names the blocks of a pin. Empty: the node advertises nothing.
        ipni_listen: Option<SocketAddr> = "", hidden "ipni-listen";
        /// Public URL of `ipni_listen`, as in `https://node.example`, without a path. Empty: indexers are not notified of
        /// new advertisements.
        ipni_url: Option<String> = "", hidden "ipni-url";
        /// URLs of indexers that are notified of new advertisements, as in `https://cid.contact/ingest/announce`.
        ipni_indexers: Vec<String> = "", hidden "ipni-indexer";
        /// Public multiaddrs of this node for Bitswap, which advertisements name, as in /ip4/…/tcp/1235.
        addresses: Vec<Multiaddr> = "", hidden "announce-address";
    }

    /// The publisher `estuary`: a service with the IPFS Pinning Service API.
    estuary: EstuarySettings {
        /// Base URL of the service, above /pins. Empty: the publisher is disabled.
        endpoint: Option<String> = "", hidden "estuary-endpoint";
        /// Access token of the service. Other users of the machine see command lines, so prefer the file or the
        /// variable.
        token: Option<Secret> = "", hidden "estuary-api-key", env "ESTUARY_API_KEY";
        /// File with the access token, if `token` is not set.
        token_file: Option<PathBuf> = "", hidden "estuary-token-file";
        /// Upload results as a CAR before they are pinned, if the service supports it: `true` for /content/add-car
        /// below the endpoint, or a URL. Default: the service fetches them from this node.
        add_car: Option<String> = "", hidden "estuary-add-car";
    }

    /// The publisher `filecoin`: deals with a storage provider.
    filecoin: FilecoinSettings {
        /// URL of the provider's market (Curio market 2.0), up to before /market/mk20. Empty: the publisher is
        /// disabled.
        market: Option<String> = "", hidden "filecoin-market";
        /// JSON-RPC URL of a Lotus node with the wallet, as in `https://host/rpc/v1`.
        lotus: Option<String> = "", hidden "filecoin-lotus";
        /// Token of the Lotus node with the permissions read and sign. It has no flag, because other users of the
        /// machine see command lines: use the file or the variable.
        lotus_token: Option<Secret> = "";
        /// File with the Lotus token, if `lotus_token` is not set.
        lotus_token_file: Option<PathBuf> = "", hidden "filecoin-lotus-token-file";
        /// Storage provider to make deals with: f0….
        provider: Option<Address> = "", hidden "filecoin-provider";
        /// Storage provider that this node belongs to: f0…. Sent with bids on jobs with --distinct operator; requesters
        /// check on the chain that the provider has the peer ID of this node.
        miner: Option<Address> = "", hidden "filecoin-miner";
        /// Signature by the provider's worker key, needed if the chain has another peer ID: the output of `lotus wallet
        /// sign` for the bytes that `bacalhau id --miner` prints.
        miner_signature: Option<String> = "", hidden "filecoin-miner-signature";
        /// Wallet that makes the deals and whose `DataCap` verified deals use: a key address, f1… or f3….
        wallet: Option<Address> = "", hidden "filecoin-wallet";
        /// Duration of deals, as in 180d, or in epochs of 30 s. Minimum 180d.
        duration: Epochs = "180d", hidden "filecoin-duration";
        /// Maximum on-chain cost of a deal for this node in FIL: the fee of the message that requests an allocation,
        /// which a verified deal needs. Other deals send no message. The provider's price for storage is not part of
        /// market 2.0.
        max_price: Fil = "0.07", hidden "filecoin-max-price";
        /// Ask the provider to index the blocks, so that they are retrievable by CID.
        indexing: bool = "true", hidden "filecoin-indexing";
        /// Ask the provider to announce the blocks to the network indexer.
        announce: bool = "false", hidden "filecoin-announce";
        /// Maximum interval between status queries of a deal. Sealing takes hours.
        poll: HumanDuration = "5m", hidden "filecoin-poll";
        /// Listen address that serves archives of open deals to the provider, as in 0.0.0.0:1236. It serves nothing
        /// else.
        serve_listen: Option<SocketAddr> = "", hidden "filecoin-serve-listen";
        /// Public URL of `serve_listen`. Empty: archives are uploaded, which markets allow up to 1 GiB.
        serve_url: Option<String> = "", hidden "filecoin-serve-url";
    }

    /// The publisher `pdp`: pieces in a data set of Filecoin Warm Storage, at a provider that runs Curio with PDP.
    pdp: PdpSettings {
        /// URL of the provider's node, up to before /pdp. Empty: the publisher is disabled.
        url: Option<String> = "", hidden "pdp-url";
        /// Id of the data set in the contract `PDPVerifier`. It must exist: the SDK `synapse` makes one.
        data_set: Option<u64> = "", hidden "pdp-data-set";
        /// Id that the payer gave to the data set (`clientDataSetId`).
        client_data_set: Option<Uint256> = "", hidden "pdp-client-data-set";
        /// File with the key of the payer, or a session key with the permission to add pieces: 64 hexadecimal digits.
        /// Only the owner may have read permission.
        key_file: Option<PathBuf> = "", hidden "pdp-key-file";
        /// Chain id of Ethereum: 314 for mainnet, 314159 for calibration.
        chain_id: u64 = "314", hidden "pdp-chain-id";
        /// Address of the contract `FilecoinWarmStorageService`: 0x…. Default: that of mainnet or calibration, by
        /// `chain_id`.
        contract: Option<EthAddress> = "", hidden "pdp-contract";
        /// Access token (JWT) of the node. Most nodes want none. It has no flag, because other users of the machine see
        /// command lines: use the file or the variable.
        token: Option<Secret> = "";
        /// File with the access token, if `token` is not set.
        token_file: Option<PathBuf> = "", hidden "pdp-token-file";
    }

    /// The log, which goes to standard error.
    log: LogSettings {
        /// Log format: `text`, or `json` with one object a line.
        format: LogFormat = "text", flag "log-format";
        /// Log level: error, warn, info, debug or trace.
        level: LogLevel = "info", flag "log-level", env "LOG_LEVEL";
        /// Log levels by module, as `TARGET=LEVEL` separated by commas. Other targets use the level without a target,
        /// or `log.level`. Example for more detail of one module: `bacalhau_p2p=debug`.
        filter: Option<LogFilter> = "", hidden "log-filter";
    }

    /// The interpreter of `py run`.
    python: PythonSettings {
        /// CPython for wasm32-wasip1: path, URL or CID of its module. Default: none; `py run` then needs --python.
        module: Option<String> = "", env "BACALHAU_PYTHON";
        /// Standard library of that interpreter: a directory or a zip. Empty: it is inside of the module.
        library: Option<String> = "";
    }

    /// Commands that talk to a server.
    client: ClientSettings {
        /// Host or URL of the server that receives jobs. Empty: `wasm run` starts local nodes, other commands try the
        /// default address on this machine.
        api_host: Option<String> = "", env "BACALHAU_API_HOST", env "BACALHAU_HOST";
        /// Port of the server, if `api_host` has none. Default: 1234.
        api_port: Option<u16> = "", env "BACALHAU_API_PORT", env "BACALHAU_PORT";
        /// Access token for the server.
        api_token: Option<Secret> = "", env "BACALHAU_API_TOKEN";
        /// File with the access token, if `api_token` is not set.
        api_token_file: Option<PathBuf> = "";
        /// PEM file with the CAs that are accepted for an `https://` server. Default: those of this machine.
        api_ca: Option<PathBuf> = "", env "BACALHAU_API_CA";
    }
}
