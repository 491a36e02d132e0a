// Package deploy is what docker-compose.yml mounts into its containers. Its tests run the file's
// services without a container engine: each as a process of this machine, with the command, the
// environment, the mounted files and the order that the file gives it.
package deploy
