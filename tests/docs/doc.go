// Package docs holds the documentation to what it says: its commands are run, in the order of a page and with the real
// Pulumi, API server, Traefik and kubectl, and its programs are previewed.
//
// A page is read as its reader would. All pages go on from the program in docs/README.md, which is up when a page begins.
// Of the fenced blocks on a page
//
//   - sh is run, in a shell that keeps its variables to the end of the page, and must succeed;
//   - yaml is merged into the page's program, which must then pass pulumi preview; the next pulumi up applies it;
//   - go, typescript and python are whole programs, which tests/examples/descriptions previews;
//   - text, right after one of these, is what it prints: each of its lines must be in the output, in this order, where …
//     matches anything.
//
// A block without a language is a drawing. One in any other language has to say why it is not run.
//
// A comment right above a block says otherwise, and is not shown to readers:
//
//	<!-- not run: needs GitHub -->     the block is passed over; the reason is printed
//	<!-- fails -->                     the command, or the preview, must fail
//	<!-- alone -->                     the program is previewed and then forgotten
//	<!-- whole -->                     the program replaces the page's, instead of being merged into it
//	<!-- file: route.yaml -->          the block is written to this file, and is not a program
//	<!-- setup
//	kubectl delete …                   commands that are run, and not shown
//	-->
//	<!-- program
//	resources: …                       a program as in a yaml block, and not shown
//	-->
package docs
