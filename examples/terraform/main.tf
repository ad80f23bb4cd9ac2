terraform {
  required_version = ">= 1.0"
}

locals {
  builds = jsondecode(file("${path.module}/.ami-scheduler/builds.json")).builds

  # The child pipeline of ami-scheduler. The parts that record are taken from it. Without any, it is taken
  # whole: with nothing to build (an empty child pipeline fails its trigger), in a dry run, and for a
  # version by hand that is not recorded.
  standard    = file("${path.module}/.ami-scheduler/child-pipeline.yml")
  is_recorded = contains(keys(yamldecode(local.standard)), "settle")
  recording = local.is_recorded ? yamlencode({
    for part in ["include", "workflow", ".ami-scheduler-child", ".ami-scheduler-child-update", "settle"] :
    part => yamldecode(local.standard)[part]
  }) : ""

  child_pipeline = !local.is_recorded ? local.standard : join("\n", [
    local.recording,
    templatefile("${path.module}/child.yml.tftpl", { builds = local.builds }),
  ])
}

output "child_pipeline" {
  value = local.child_pipeline
}
