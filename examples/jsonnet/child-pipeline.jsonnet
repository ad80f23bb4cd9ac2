// The child pipeline: a check of each base image, then a build of each release on it, then its record.
// JSON is YAML, so GitLab takes it as it is.
local builds = (import '.ami-scheduler/builds.json').builds;

// The child pipeline of ami-scheduler. The parts that record are taken from it. Without any, it is taken
// whole: with nothing to build (an empty child pipeline fails its trigger), in a dry run, and for a
// version by hand that is not recorded.
local standard = std.parseYaml(importstr '.ami-scheduler/child-pipeline.yml');

// GitLab expands $NAME and %NAME% in variables, secrets among them: not in what a repository says.
local raw(value) = { value: value, expand: false };

local name(build) = '%(version)s-%(release)s.%(arch)s %(target)s' % build;

if !std.objectHas(standard, 'settle') then standard else
  {
    [part]: standard[part]
    for part in ['include', 'workflow', '.ami-scheduler-child', '.ami-scheduler-child-update', 'settle']
  }
  + { stages: ['check', 'build', 'update', 'settle'] }
  + {
    ['check ' + target]: { extends: '.check-base', stage: 'check', variables: { TARGET: target } }
    for target in std.set([build.target for build in builds])
  }
  + {
    ['bake ' + name(build)]: {
      extends: '.build-ami',
      stage: 'build',
      needs: ['check ' + build.target],
      variables: {
        VERSION: raw(build.version),
        TARGET: raw(build.target),
        PACKAGE_URL: raw(build.package_url),
        PACKAGE_SHA256: raw(build.package_sha256),
      },
    }
    for build in builds
  }
  + {
    ['record ' + name(build)]: {
      extends: '.ami-scheduler-child-update',
      needs: [{ job: 'bake ' + name(build), artifacts: true }],
      variables: {
        AMI_SCHEDULER_PACKAGE: raw(build.package),
        AMI_SCHEDULER_TARGET: raw(build.target),
        AMI_SCHEDULER_CLAIM: raw(build.claim),
      },
    }
    for build in builds
  }
