// Package hooks asks GitHub about webhooks and what became of their deliveries,
// and for lost ones again. For what no delivery tells it reads a repository's
// activity list, and for who may send deliveries GitHub's networks.
//
// It refuses to know what was to be expected; that is audit's. What it could not
// read to the end it says, and a redelivery is never asked for twice by itself.
package hooks
