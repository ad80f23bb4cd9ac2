terraform {
  required_version = ">= 1.3"
}

locals {
  builds = jsondecode(file("${path.module}/.ami-scheduler/builds.json")).builds

  # What ami-scheduler would run. Its parts that record are taken from it; with nothing to build, it
  # is taken whole, for an empty child pipeline fails its trigger.
  standard = file("${path.module}/.ami-scheduler/child-pipeline.yml")
  recording = length(local.builds) == 0 ? "" : yamlencode({
    for part in ["include", "workflow", ".ami-scheduler", ".ami-scheduler-update", "settle"] :
    part => yamldecode(local.standard)[part]
  })

  child_pipeline = length(local.builds) == 0 ? local.standard : join("\n", [
    local.recording,
    templatefile("${path.module}/child.yml.tftpl", { builds = local.builds }),
  ])
}

output "child_pipeline" {
  value = local.child_pipeline
}
