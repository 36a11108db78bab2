core moe {training = false} {
  %0 = input "x" : f32[B, T, 512]
  %1 = param "gate.linear_1.weight" {init = linear(512)} : f32[8, 512]
  %2 = const {value = [1e-05, -inf, nan, 0.1]} : f32[4]
  %3 = op linear (%0, %1, %2) : f32[B, T, 8]
  %4 = op softmax (%3) {axis = -1} : f32[B, T, 8]
  %5 = select "gate" (%3, %4) {kind = "router", rules = [top(2), first(share(0.5))], over = [-1]} : selection(f32[B, T, 8], f32[B, T, 8])
  chunk %c0 "expert" {members = ["0", "1"], takes = %0} {
    # inside
    %0 = input "h" : f32[B, T, 512]
    output "" = %0
  }
  %7 = apply "expert" (%0) {body = %c0, call = "expert"} : bundle[8](f32[B, T, 512])
  %8.a = fuse "sum" (%7, %5) {by = true} : record(y=f32[B, T, 512], z=i64)

  %9 = plan
  output "y" = %8.a
  loss "balance" = %4
  next "bias" = %3
}

core empty { }
