//! The objects of the namespace, and their changes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Jobs and pods, and what a watch shows.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) jobs: BTreeMap<String, Value>,
    pub(super) pods: BTreeMap<String, Value>,
    /// Version of the namespace.
    pub(super) version: u64,
    /// Changes of jobs with the version that they made.
    pub(super) changes: Vec<(u64, &'static str, Value)>,
}

impl Objects {
    /// The next version.
    fn next(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    /// Adds a job as it was created, with a pod that waits.
    pub(super) fn create(&mut self, mut job: Value) -> Value {
        let name = job["metadata"]["name"].as_str().unwrap().to_owned();
        let version = self.next();
        job["metadata"]["resourceVersion"] = json!(version);
        job["metadata"]["uid"] = json!(format!("uid-{version}"));
        job["status"] = json!({});
        self.add_pod(&job);
        self.jobs.insert(name, job.clone());
        self.changes.push((self.version, "ADDED", job.clone()));
        job
    }

    /// Adds a pod of the job, which waits. Returns its name.
    pub(super) fn add_pod(&mut self, job: &Value) -> String {
        let (job_name, template) = (job["metadata"]["name"].as_str().unwrap(), &job["spec"]["template"]);
        let version = self.next();
        let name = format!("{job_name}-{version}");
        let mut labels = template["metadata"]["labels"].clone();
        labels["batch.kubernetes.io/job-name"] = json!(job_name);
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": name, "labels": labels, "resourceVersion": version,
                "creationTimestamp": format!("2026-01-01T00:00:{:02}Z", self.version % 60),
            },
            "spec": template["spec"],
            "status": {"phase": "Pending"},
        });
        self.pods.insert(name.clone(), pod);
        name
    }

    /// Sets the status of the latest pod of a job.
    pub(super) fn set_pod(&mut self, job: &str, status: Value) {
        let version = self.next();
        let newest =
            self.pods.values_mut().rfind(|pod| pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] == job);
        let pod = newest.unwrap();
        pod["status"] = status;
        pod["metadata"]["resourceVersion"] = json!(version);
    }

    /// Sets the status of a job.
    pub(super) fn set_job(&mut self, name: &str, status: Value) {
        let version = self.next();
        let job = self.jobs.get_mut(name).unwrap();
        job["status"] = status;
        job["metadata"]["resourceVersion"] = json!(version);
        let job = job.clone();
        self.changes.push((self.version, "MODIFIED", job));
    }

    /// Removes a job with its pods. Returns whether it was there.
    pub(super) fn delete(&mut self, name: &str) -> bool {
        let Some(job) = self.jobs.remove(name) else { return false };
        self.pods.retain(|_, pod| pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] != name);
        self.next();
        self.changes.push((self.version, "DELETED", job));
        true
    }
}

/// Whether an object has the label of a selector `KEY=VALUE`.
pub(super) fn is_selected(object: &Value, selector: &str) -> bool {
    let (key, value) = selector.split_once('=').unwrap();
    object["metadata"]["labels"][key] == value
}
